ALTER TABLE "spans" DROP CONSTRAINT "spans_place";--> statement-breakpoint
ALTER TABLE "envelopes" DROP CONSTRAINT "envelopes_pkey";--> statement-breakpoint
ALTER TABLE "envelopes" ADD COLUMN "channel" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
-- What was prepared before this has no waveform.
ALTER TABLE "envelopes" ADD COLUMN "peaks" "bytea" DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "envelopes" ALTER COLUMN "peaks" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "envelopes" ADD CONSTRAINT "envelopes_transcription_id_channel_pk" PRIMARY KEY("transcription_id","channel");--> statement-breakpoint
ALTER TABLE "spans" ADD COLUMN "channel" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "channels" text DEFAULT 'mix' NOT NULL;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "part_start" double precision;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "part_end" double precision;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "audio_channels" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "audio_removed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "work_samples" bigint;--> statement-breakpoint
UPDATE "transcriptions" SET "work_samples" = "total_samples";--> statement-breakpoint
ALTER TABLE "spans" ADD CONSTRAINT "spans_place" UNIQUE("transcription_id","channel","start_sample");
