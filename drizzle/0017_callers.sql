CREATE FUNCTION "notify_callers"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('callers', '');
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "users_callers" AFTER DELETE OR UPDATE OF "role" ON "users"
  FOR EACH ROW EXECUTE FUNCTION "notify_callers"();--> statement-breakpoint
CREATE TRIGGER "sessions_callers" AFTER DELETE ON "sessions"
  FOR EACH ROW EXECUTE FUNCTION "notify_callers"();--> statement-breakpoint
CREATE TRIGGER "identities_callers" AFTER DELETE OR UPDATE ON "identities"
  FOR EACH ROW EXECUTE FUNCTION "notify_callers"();--> statement-breakpoint
CREATE TRIGGER "api_keys_callers" AFTER DELETE OR UPDATE OF "user_id", "hash", "scopes" ON "api_keys"
  FOR EACH ROW EXECUTE FUNCTION "notify_callers"();
