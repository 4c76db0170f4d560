CREATE TABLE "storage_usage" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"audio_bytes" bigint DEFAULT 0 NOT NULL
) WITH (fillfactor = 50);
--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "decoded_samples" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
DROP INDEX "transcriptions_open";--> statement-breakpoint
CREATE INDEX "transcriptions_open" ON "transcriptions" USING btree ("user_id","status","created_at") WHERE "transcriptions"."status" in ('queued', 'processing');--> statement-breakpoint
ALTER TABLE "storage_usage" ADD CONSTRAINT "storage_usage_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE FUNCTION "stored_audio"(one "transcriptions") RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN one.audio_removed_at IS NULL THEN one.audio_bytes ELSE 0 END
$$;--> statement-breakpoint
CREATE FUNCTION "count_storage"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "storage_usage" AS s (user_id, audio_bytes) VALUES (NEW.user_id, stored_audio(NEW))
      ON CONFLICT (user_id) DO UPDATE SET audio_bytes = s.audio_bytes + excluded.audio_bytes;
  ELSIF TG_OP = 'DELETE' THEN
    UPDATE "storage_usage" SET audio_bytes = audio_bytes - stored_audio(OLD) WHERE user_id = OLD.user_id;
  ELSE
    UPDATE "storage_usage" SET audio_bytes = audio_bytes + stored_audio(NEW) - stored_audio(OLD)
      WHERE user_id = NEW.user_id;
  END IF;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_storage" AFTER INSERT OR DELETE ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "count_storage"();--> statement-breakpoint
CREATE TRIGGER "transcriptions_storage_change" AFTER UPDATE OF "audio_bytes", "audio_removed_at" ON "transcriptions"
  FOR EACH ROW WHEN (stored_audio(OLD) <> stored_audio(NEW)) EXECUTE FUNCTION "count_storage"();--> statement-breakpoint
INSERT INTO "storage_usage" (user_id, audio_bytes)
  SELECT user_id, sum(stored_audio(t)) FROM "transcriptions" AS t GROUP BY 1;--> statement-breakpoint
CREATE OR REPLACE FUNCTION "counted_seconds"(one "transcriptions") RETURNS double precision IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE
    WHEN one.work_samples IS NOT NULL THEN one.work_samples / 16000.0
    WHEN one.status IN ('failed', 'canceled') THEN greatest(one.done_samples, one.decoded_samples) / 16000.0
    WHEN one.claimed_seconds IS NULL THEN one.decoded_samples / 16000.0
    ELSE greatest(
      one.decoded_samples / 16000.0,
      greatest(0, least(one.claimed_seconds, one.part_end) - coalesce(one.part_start, 0))
        * CASE one.channels WHEN 'split' THEN one.audio_channels ELSE 1 END
    )
  END
$$;--> statement-breakpoint
CREATE OR REPLACE FUNCTION "count_usage"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    UPDATE "usage" SET audio_seconds = audio_seconds - counted_seconds(OLD)
        + greatest(OLD.done_samples, OLD.decoded_samples) / 16000.0
      WHERE user_id = OLD.user_id AND day = (OLD.created_at AT TIME ZONE 'utc')::date AND OLD.work_samples IS NULL;
    RETURN NULL;
  END IF;
  INSERT INTO "usage" AS u (user_id, day, transcriptions, audio_seconds)
    VALUES (
      NEW.user_id,
      (NEW.created_at AT TIME ZONE 'utc')::date,
      CASE TG_OP WHEN 'INSERT' THEN 1 ELSE 0 END,
      counted_seconds(NEW) - CASE TG_OP WHEN 'INSERT' THEN 0 ELSE counted_seconds(OLD) END
    )
    ON CONFLICT (user_id, day) DO UPDATE SET
      transcriptions = u.transcriptions + excluded.transcriptions,
      audio_seconds = u.audio_seconds + excluded.audio_seconds;
  RETURN NULL;
END $$;--> statement-breakpoint
DROP TRIGGER "transcriptions_usage" ON "transcriptions";--> statement-breakpoint
CREATE TRIGGER "transcriptions_usage" AFTER INSERT OR DELETE ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "count_usage"();--> statement-breakpoint
CREATE TRIGGER "transcriptions_usage_change" AFTER UPDATE ON "transcriptions"
  FOR EACH ROW WHEN (counted_seconds(OLD) <> counted_seconds(NEW)) EXECUTE FUNCTION "count_usage"();
