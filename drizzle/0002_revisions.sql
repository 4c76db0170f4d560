ALTER TABLE "spans" ADD COLUMN "revision" integer;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "revision" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE FUNCTION "count_revision"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.revision := OLD.revision + 1;
  RETURN NEW;
END $$;--> statement-breakpoint
CREATE FUNCTION "notify_transcription"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('transcriptions', OLD.id::text);
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_revision" BEFORE UPDATE ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "count_revision"();--> statement-breakpoint
CREATE TRIGGER "transcriptions_notify" AFTER UPDATE OR DELETE ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "notify_transcription"();
