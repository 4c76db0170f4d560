ALTER TABLE "spans" ADD COLUMN "detected_language" text;--> statement-breakpoint
ALTER TABLE "spans" ADD COLUMN "detected_probability" double precision;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "is_language_default" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "script" text;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "prompt" text;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "keywords" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "track" integer;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "tracks" jsonb;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "warnings" jsonb DEFAULT '[]'::jsonb NOT NULL;