-- A request that waits for a transcription, and a worker that must stop when it is canceled, need no read of the
-- database for each of its changes: the channel `finished` tells them the one that matters. The rest of the
-- function is as in 0001_functions.sql.
CREATE OR REPLACE FUNCTION "notify_transcription"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('transcriptions', OLD.id::text);
  IF TG_OP = 'DELETE' OR NEW."status" IN ('completed', 'failed', 'canceled') THEN
    PERFORM pg_notify('finished', OLD.id::text);
  END IF;
  RETURN NULL;
END $$;
