ALTER TABLE "transcriptions" ADD COLUMN "engine" text;--> statement-breakpoint
CREATE INDEX "spans_hosted" ON "spans" USING btree ("finished_at") WHERE "spans"."engine" = 'huggingface';