ALTER TABLE "webhooks" ALTER COLUMN "url" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "deliveries" ADD COLUMN "url" text;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "webhook_url" text;--> statement-breakpoint
CREATE UNIQUE INDEX "webhooks_uploads" ON "webhooks" USING btree ("user_id") WHERE "webhooks"."url" is null;--> statement-breakpoint
CREATE OR REPLACE FUNCTION "write_deliveries"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- The id of an ephemeral one is gone with the answer.
  IF NEW."is_ephemeral" THEN RETURN NULL; END IF;
  INSERT INTO "deliveries" ("webhook_id", "transcription_id", "event", "url")
    SELECT "id", NEW."id", 'transcription.' || NEW."status", CASE WHEN "url" IS NULL THEN NEW."webhook_url" END
    FROM "webhooks"
    WHERE "user_id" = NEW."user_id" AND "disabled_at" IS NULL AND 'transcription.' || NEW."status" = ANY ("events")
      AND ("url" IS NOT NULL OR NEW."webhook_url" IS NOT NULL);
  RETURN NULL;
END $$;
