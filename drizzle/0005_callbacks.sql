CREATE TABLE "callbacks" (
	"transcription_id" uuid PRIMARY KEY NOT NULL,
	"format" text NOT NULL,
	"method" text NOT NULL,
	"header_name" text,
	"header_value" text,
	"request" text
);
--> statement-breakpoint
ALTER TABLE "callbacks" ADD CONSTRAINT "callbacks_transcription_id_transcriptions_id_fk" FOREIGN KEY ("transcription_id") REFERENCES "public"."transcriptions"("id") ON DELETE cascade ON UPDATE no action;