CREATE TABLE "engine_models" (
	"engine" text NOT NULL,
	"id" text NOT NULL,
	"aliases" jsonb NOT NULL,
	"languages" jsonb,
	"translates" boolean NOT NULL,
	"words" boolean NOT NULL,
	"position" integer NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "engine_models_engine_id_pk" PRIMARY KEY("engine","id")
);
--> statement-breakpoint
DROP INDEX "spans_hosted";--> statement-breakpoint
ALTER TABLE "transcriptions" ADD COLUMN "model" text;--> statement-breakpoint
CREATE INDEX "spans_elsewhere" ON "spans" USING btree ("engine","finished_at") WHERE "spans"."engine" <> 'sidecar';