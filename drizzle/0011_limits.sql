CREATE UNLOGGED TABLE "counters" (
	"key" text PRIMARY KEY NOT NULL,
	"count" integer NOT NULL,
	"until" timestamp with time zone NOT NULL
) WITH (fillfactor = 50);
--> statement-breakpoint
CREATE TABLE "usage" (
	"user_id" uuid NOT NULL,
	"day" date NOT NULL,
	"transcriptions" integer DEFAULT 0 NOT NULL,
	"audio_seconds" double precision DEFAULT 0 NOT NULL,
	CONSTRAINT "usage_user_id_day_pk" PRIMARY KEY("user_id","day")
);
--> statement-breakpoint
ALTER TABLE "usage" ADD CONSTRAINT "usage_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "usage_day" ON "usage" USING btree ("day");--> statement-breakpoint
CREATE FUNCTION "counted_seconds"(one "transcriptions") RETURNS double precision IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE
    WHEN one.work_samples IS NOT NULL THEN one.work_samples / 16000.0
    WHEN one.status IN ('failed', 'canceled') THEN one.done_samples / 16000.0
    WHEN one.claimed_seconds IS NULL THEN 0
    ELSE greatest(0, least(one.claimed_seconds, one.part_end) - coalesce(one.part_start, 0))
      * CASE one.channels WHEN 'split' THEN one.audio_channels ELSE 1 END
  END
$$;--> statement-breakpoint
CREATE FUNCTION "count_usage"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    UPDATE "usage" SET audio_seconds = audio_seconds - counted_seconds(OLD) + OLD.done_samples / 16000.0
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
CREATE TRIGGER "transcriptions_usage" AFTER INSERT OR DELETE OR UPDATE OF "work_samples", "status" ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "count_usage"();--> statement-breakpoint
INSERT INTO "usage" (user_id, day, transcriptions, audio_seconds)
  SELECT user_id, (created_at AT TIME ZONE 'utc')::date, count(*), sum(counted_seconds(t))
  FROM "transcriptions" AS t GROUP BY 1, 2;
