CREATE TABLE "installation" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"generation" integer DEFAULT 0 NOT NULL,
	"sweep_stopped" text
);
--> statement-breakpoint
CREATE TABLE "storage_orphans" (
	"folder" text PRIMARY KEY NOT NULL,
	"first_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"reason" text
);
--> statement-breakpoint
CREATE TABLE "storage_removals" (
	"folder" text PRIMARY KEY NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"removed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE INDEX "storage_removals_pending" ON "storage_removals" USING btree ("created_at") WHERE "storage_removals"."removed_at" is null;--> statement-breakpoint
CREATE INDEX "storage_removals_removed" ON "storage_removals" USING btree ("removed_at");--> statement-breakpoint
INSERT INTO "installation" DEFAULT VALUES;--> statement-breakpoint
CREATE FUNCTION "record_removal"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "storage_removals" ("folder") VALUES (TG_ARGV[0] || '/' || OLD."id") ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_removal" AFTER DELETE ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "record_removal"('transcriptions');--> statement-breakpoint
CREATE TRIGGER "uploads_removal" AFTER DELETE ON "uploads"
  FOR EACH ROW EXECUTE FUNCTION "record_removal"('uploads');
