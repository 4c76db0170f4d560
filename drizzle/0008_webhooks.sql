CREATE TABLE "deliveries" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"webhook_id" uuid NOT NULL,
	"transcription_id" uuid,
	"event" text NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"job" uuid,
	"attempt" integer DEFAULT 0 NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"attempts" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "webhooks" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"url" text NOT NULL,
	"secret" text NOT NULL,
	"events" text[] NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"disabled_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_webhook_id_webhooks_id_fk" FOREIGN KEY ("webhook_id") REFERENCES "public"."webhooks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_transcription_id_transcriptions_id_fk" FOREIGN KEY ("transcription_id") REFERENCES "public"."transcriptions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhooks" ADD CONSTRAINT "webhooks_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "deliveries_webhook" ON "deliveries" USING btree ("webhook_id","created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "deliveries_transcription" ON "deliveries" USING btree ("transcription_id");--> statement-breakpoint
CREATE INDEX "deliveries_jobless" ON "deliveries" USING btree ("created_at") WHERE "deliveries"."job" is null and "deliveries"."state" = 'pending';--> statement-breakpoint
CREATE INDEX "webhooks_user" ON "webhooks" USING btree ("user_id","created_at");--> statement-breakpoint
CREATE FUNCTION "write_deliveries"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "deliveries" ("webhook_id", "transcription_id", "event")
    SELECT "id", NEW."id", 'transcription.' || NEW."status" FROM "webhooks"
    WHERE "user_id" = NEW."user_id" AND "disabled_at" IS NULL AND 'transcription.' || NEW."status" = ANY ("events");
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE FUNCTION "notify_deliveries"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('deliveries', NEW."id"::text);
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_deliveries" AFTER UPDATE OF "status" ON "transcriptions"
  FOR EACH ROW WHEN (OLD."status" IN ('queued', 'processing') AND NEW."status" IN ('completed', 'failed', 'canceled'))
  EXECUTE FUNCTION "write_deliveries"();--> statement-breakpoint
CREATE TRIGGER "deliveries_notify" AFTER INSERT OR UPDATE OF "job" ON "deliveries"
  FOR EACH ROW WHEN (NEW."job" IS NULL AND NEW."state" = 'pending') EXECUTE FUNCTION "notify_deliveries"();
