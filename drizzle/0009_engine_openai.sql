DROP INDEX "spans_hosted";--> statement-breakpoint
CREATE INDEX "spans_elsewhere" ON "spans" USING btree ("engine","finished_at") WHERE "spans"."engine" <> 'sidecar';