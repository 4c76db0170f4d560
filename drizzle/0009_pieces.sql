ALTER TABLE "envelopes" ADD COLUMN "piece" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "envelopes" DROP CONSTRAINT "envelopes_transcription_id_channel_pk";--> statement-breakpoint
ALTER TABLE "envelopes" ADD CONSTRAINT "envelopes_transcription_id_channel_piece_pk" PRIMARY KEY("transcription_id","channel","piece");--> statement-breakpoint
CREATE INDEX "transcriptions_kept" ON "transcriptions" USING btree ("completed_at") WHERE "transcriptions"."audio_removed_at" is null;