-- Says whose rights have changed, so that only what is held open for that user is looked up again.
CREATE OR REPLACE FUNCTION "notify_callers"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  gone jsonb := to_jsonb(OLD);
BEGIN
  PERFORM pg_notify('callers', coalesce(gone->>'user_id', gone->>'id'));
  RETURN NULL;
END $$;
