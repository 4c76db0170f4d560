CREATE TABLE "diarizations" (
	"span_id" uuid PRIMARY KEY NOT NULL,
	"transcription_id" uuid NOT NULL,
	"turns" jsonb NOT NULL,
	"voices" jsonb NOT NULL,
	"problem" text
);
--> statement-breakpoint
CREATE TABLE "voices" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"name" text NOT NULL,
	"seconds" double precision NOT NULL,
	"embedding" real[] NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "voices_name" UNIQUE("user_id","name")
);
--> statement-breakpoint
ALTER TABLE "segments" ADD COLUMN "speaker" text;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "diarize" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "min_speakers" integer;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "max_speakers" integer;--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "speakers" jsonb;--> statement-breakpoint
ALTER TABLE "diarizations" ADD CONSTRAINT "diarizations_span_id_spans_id_fk" FOREIGN KEY ("span_id") REFERENCES "public"."spans"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "diarizations" ADD CONSTRAINT "diarizations_transcription_id_transcriptions_id_fk" FOREIGN KEY ("transcription_id") REFERENCES "public"."transcriptions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "voices" ADD CONSTRAINT "voices_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "diarizations_transcription" ON "diarizations" USING btree ("transcription_id");