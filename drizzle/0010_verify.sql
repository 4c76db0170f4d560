ALTER TABLE "segments" ADD COLUMN "verified_by" text;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "verify" boolean DEFAULT false NOT NULL;