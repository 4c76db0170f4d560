ALTER TABLE "identities" ADD COLUMN "email" text;--> statement-breakpoint
CREATE INDEX "identities_email" ON "identities" USING btree ("email");--> statement-breakpoint
-- A user without a password came from a provider, which has verified the address that it brought.
UPDATE "identities" SET "email" = "users"."email"
  FROM "users" WHERE "users"."id" = "identities"."user_id" AND "users"."password_hash" IS NULL;
