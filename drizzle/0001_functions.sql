-- Functions, triggers and storage options, which src/db/schema.ts cannot express.
--
-- Written by hand. A rule is here, and not in TypeScript, if it must also hold for writers that a service's
-- own code does not see: cascading deletes, the admin command, another version of the service during an
-- update, psql. docs/decisions/0004-database-triggers.md has the reasons, docs/architecture.md the list. A
-- later change of a function is a new migration with CREATE OR REPLACE; test/db/schema.txt records the result
-- of all migrations.
--
-- Samples are divided by 16,000 to get seconds: pcm is 16 kHz.

-- Rate limits and leases are written many times a minute, and may be lost in a crash: no write-ahead log. The
-- free half of each page lets Postgres update a row within its page (HOT), without a new index entry.
ALTER TABLE "counters" SET UNLOGGED;--> statement-breakpoint
ALTER TABLE "counters" SET (fillfactor = 50);--> statement-breakpoint
-- One row per user, updated with each upload and removal: as above.
ALTER TABLE "storage_usage" SET (fillfactor = 50);--> statement-breakpoint

-- The only row: the id by which a storage knows its database (src/retention/storage-owner.ts).
INSERT INTO "installation" DEFAULT VALUES;--> statement-breakpoint

-- Revisions -------------------------------------------------------------------------------------------------

-- Runs before each update of a transcription. Event streams resume by revision (Last-Event-ID), so a
-- statement that forgot to count would lose events.
CREATE FUNCTION "count_revision"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.revision := OLD.revision + 1;
  RETURN NEW;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_revision" BEFORE UPDATE ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "count_revision"();--> statement-breakpoint

-- Notifications ---------------------------------------------------------------------------------------------
-- Postgres delivers a notification when the transaction commits, and drops it with a rollback.

-- Runs after each update or deletion of a transcription, including deletions that cascade from its user.
-- Wakes event streams, `Prefer: wait`, and workers whose transcription was canceled (src/db/changes.ts). The
-- payload is the id.
CREATE FUNCTION "notify_transcription"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('transcriptions', OLD.id::text);
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_notify" AFTER UPDATE OR DELETE ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "notify_transcription"();--> statement-breakpoint

-- Runs when a delivery needs a job: when it is written, mostly by the trigger `write_deliveries`, and when a
-- replay sets its job to null. Wakes the relay (src/webhooks/relay.ts). The payload is the delivery's id.
CREATE FUNCTION "notify_deliveries"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('deliveries', NEW."id"::text);
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "deliveries_notify" AFTER INSERT OR UPDATE OF "job" ON "deliveries"
  FOR EACH ROW WHEN (NEW."job" IS NULL AND NEW."state" = 'pending')
  EXECUTE FUNCTION "notify_deliveries"();--> statement-breakpoint

-- Runs once per statement that inserts into the outbox. Wakes the workers, which move the jobs into the queue
-- (src/queue/outbox.ts). The writer is an edge API, which has no queue and no other channel to a worker.
CREATE FUNCTION "notify_outbox"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('outbox', '');
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "outbox_notify" AFTER INSERT ON "outbox"
  FOR EACH STATEMENT EXECUTE FUNCTION "notify_outbox"();--> statement-breakpoint

-- Runs when a user loses or changes access: after the deletion of a user, session, identity or API key, and
-- after a change of a role, an identity, or what a key may do. Every process drops that user from its
-- authentication cache (src/auth/caller-cache.ts), whichever process or command made the change. The payload
-- is the user's id.
CREATE FUNCTION "notify_callers"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old_row jsonb := to_jsonb(OLD);
BEGIN
  -- All tables but `users` have a column `user_id`.
  PERFORM pg_notify('callers', coalesce(old_row->>'user_id', old_row->>'id'));
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "users_callers" AFTER DELETE OR UPDATE OF "role" ON "users"
  FOR EACH ROW EXECUTE FUNCTION "notify_callers"();--> statement-breakpoint
CREATE TRIGGER "sessions_callers" AFTER DELETE ON "sessions"
  FOR EACH ROW EXECUTE FUNCTION "notify_callers"();--> statement-breakpoint
CREATE TRIGGER "identities_callers" AFTER DELETE OR UPDATE ON "identities"
  FOR EACH ROW EXECUTE FUNCTION "notify_callers"();--> statement-breakpoint
CREATE TRIGGER "api_keys_callers" AFTER DELETE OR UPDATE OF "user_id", "hash", "scopes" ON "api_keys"
  FOR EACH ROW EXECUTE FUNCTION "notify_callers"();--> statement-breakpoint

-- Full-text search ------------------------------------------------------------------------------------------

-- Called by `terms_in` and `search_for`, so that an indexed text and a search for it are split into the same
-- words. Replaces punctuation by spaces, and puts spaces around each character of scripts that write no
-- spaces between words (Thai, Lao, Tibetan, Burmese, Khmer, kana, Han): a phrase search then finds any run of
-- these characters.
CREATE FUNCTION "searchable"(input text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT regexp_replace(
    regexp_replace(
      input,
      '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u3004\u3008-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+',
      ' ', 'g'
    ),
    '([\u0e00-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])',
    ' \1 ', 'g'
  )
$$;--> statement-breakpoint
-- Called by `write_terms`. Returns the words of a file name and a transcript.
CREATE FUNCTION "terms_in"(filename text, transcript text) RETURNS tsvector
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  words text := searchable(concat_ws(' ', filename, transcript));
BEGIN
  RETURN to_tsvector('simple', words);
EXCEPTION WHEN program_limit_exceeded THEN
  -- A tsvector holds at most 1 MB of words and positions; 100,000 characters always fit.
  RETURN to_tsvector('simple', left(words, 100000));
END $$;--> statement-breakpoint
-- Called by the list of transcriptions (src/transcriptions/list.store.ts), in the database because it must
-- split words as `terms_in` does. Matches all words in any order, the last one as a prefix. Null if the text
-- has no word.
CREATE FUNCTION "search_for"(search text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  word text;
  phrase tsquery;
  phrases tsquery;
BEGIN
  FOREACH word IN ARRAY regexp_split_to_array(search, '\s+') LOOP
    phrase := phraseto_tsquery('simple', searchable(word));
    CONTINUE WHEN numnode(phrase) = 0;
    phrases := coalesce(phrases && phrase, phrase);
  END LOOP;
  RETURN (phrases::text || ':*')::tsquery;
END $$;--> statement-breakpoint
-- Runs after a transcription is inserted and when its file name, text or time changes, in the same
-- transaction: the index never differs from the text. A table of its own keeps the rows that a search reads
-- narrow.
CREATE FUNCTION "write_terms"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "terms" (transcription_id, user_id, created_at, words)
    VALUES (NEW.id, NEW.user_id, NEW.created_at, terms_in(NEW.filename, NEW.text))
    ON CONFLICT (transcription_id) DO UPDATE SET created_at = excluded.created_at, words = excluded.words;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_terms"
  AFTER INSERT OR UPDATE OF "filename", "text", "created_at" ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "write_terms"();--> statement-breakpoint

-- Webhook deliveries ----------------------------------------------------------------------------------------

-- Runs when a transcription finishes. Writes one delivery for each enabled webhook that wants the event
-- (transactional outbox): the message exists if and only if the change is committed, by whichever statement
-- the status changed.
CREATE FUNCTION "write_deliveries"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- The client of an ephemeral transcription (`/v1`) has the result in its response and never sees the id.
  IF NEW."is_ephemeral" THEN RETURN NULL; END IF;
  INSERT INTO "deliveries" ("webhook_id", "transcription_id", "event", "url")
    SELECT "id", NEW."id", 'transcription.' || NEW."status",
      -- A webhook without a URL stands for the `webhook_url` of each upload.
      CASE WHEN "url" IS NULL THEN NEW."webhook_url" END
    FROM "webhooks"
    WHERE "user_id" = NEW."user_id" AND "disabled_at" IS NULL
      AND 'transcription.' || NEW."status" = ANY ("events")
      AND ("url" IS NOT NULL OR NEW."webhook_url" IS NOT NULL);
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_deliveries" AFTER UPDATE OF "status" ON "transcriptions"
  FOR EACH ROW
  WHEN (OLD."status" IN ('queued', 'processing') AND NEW."status" IN ('completed', 'failed', 'canceled'))
  EXECUTE FUNCTION "write_deliveries"();--> statement-breakpoint

-- Usage of audio --------------------------------------------------------------------------------------------

-- Called by `count_usage`, its trigger, and the limit of audio per day
-- (src/transcriptions/intake/usage.store.ts). Returns the seconds that a transcription adds to its user's
-- usage. That is the generated column `work_seconds` (src/db/schema.ts has its formula), or what is decoded
-- if that is more than the header claims; if the transcription failed or was canceled before its length was
-- known, only what was decoded.
CREATE FUNCTION "counted_seconds"(transcription "transcriptions") RETURNS double precision
  LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN transcription.work_samples IS NOT NULL THEN transcription.work_seconds
    WHEN transcription.status IN ('failed', 'canceled')
      THEN greatest(transcription.done_samples, transcription.decoded_samples) / 16000.0
    ELSE greatest(transcription.decoded_samples / 16000.0, transcription.work_seconds)
  END
$$;--> statement-breakpoint
-- Runs after a transcription is inserted or deleted, and when its counted seconds change. The limit of audio
-- per day is checked in the transaction that inserts the row, and must include it. A sum on demand would read
-- all rows of the day for each upload, and lose the deleted ones.
CREATE FUNCTION "count_usage"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    -- What was decoded stays counted, as for a canceled transcription.
    UPDATE "usage" SET audio_seconds = audio_seconds - counted_seconds(OLD)
        + greatest(OLD.done_samples, OLD.decoded_samples) / 16000.0
      WHERE user_id = OLD.user_id AND day = (OLD.created_at AT TIME ZONE 'utc')::date
        AND OLD.work_samples IS NULL;
    RETURN NULL;
  END IF;
  INSERT INTO "usage" AS u (user_id, day, transcriptions, audio_seconds)
    VALUES (
      NEW.user_id,
      (NEW.created_at AT TIME ZONE 'utc')::date,
      CASE TG_OP WHEN 'INSERT' THEN 1 ELSE 0 END,
      counted_seconds(NEW) - CASE TG_OP WHEN 'INSERT' THEN 0 ELSE counted_seconds(OLD) END
    )
    ON CONFLICT (user_id, day) DO UPDATE SET
      transcriptions = u.transcriptions + excluded.transcriptions,
      audio_seconds = u.audio_seconds + excluded.audio_seconds;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_usage" AFTER INSERT OR DELETE ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "count_usage"();--> statement-breakpoint
CREATE TRIGGER "transcriptions_usage_change" AFTER UPDATE ON "transcriptions"
  FOR EACH ROW WHEN (counted_seconds(OLD) <> counted_seconds(NEW))
  EXECUTE FUNCTION "count_usage"();--> statement-breakpoint

-- Usage of storage ------------------------------------------------------------------------------------------

-- Called by `count_storage` and its trigger. Returns the bytes of a transcription's original; 0 once it was
-- removed.
CREATE FUNCTION "stored_audio"(transcription "transcriptions") RETURNS bigint
  LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN transcription.audio_removed_at IS NULL THEN transcription.audio_bytes ELSE 0 END
$$;--> statement-breakpoint
-- Runs after a transcription is inserted or deleted, including deletions by the retention sweep, and when its
-- stored bytes change. The storage quota is checked with each upload, which must not add up all of a user's
-- rows.
CREATE FUNCTION "count_storage"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "storage_usage" AS s (user_id, audio_bytes) VALUES (NEW.user_id, stored_audio(NEW))
      ON CONFLICT (user_id) DO UPDATE SET audio_bytes = s.audio_bytes + excluded.audio_bytes;
  ELSIF TG_OP = 'DELETE' THEN
    UPDATE "storage_usage" SET audio_bytes = audio_bytes - stored_audio(OLD) WHERE user_id = OLD.user_id;
  ELSE
    UPDATE "storage_usage" SET audio_bytes = audio_bytes + stored_audio(NEW) - stored_audio(OLD)
      WHERE user_id = NEW.user_id;
  END IF;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_storage" AFTER INSERT OR DELETE ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "count_storage"();--> statement-breakpoint
CREATE TRIGGER "transcriptions_storage_change"
  AFTER UPDATE OF "audio_bytes", "audio_removed_at" ON "transcriptions"
  FOR EACH ROW WHEN (stored_audio(OLD) <> stored_audio(NEW))
  EXECUTE FUNCTION "count_storage"();--> statement-breakpoint

-- Removal of files ------------------------------------------------------------------------------------------

-- Runs after the deletion of a transcription or an upload, including deletions that cascade from its user.
-- Writes down the folder whose files the sweep then removes. The sweep removes files because their row was
-- deleted, never because a row is missing: a database restored from a backup must not lose the files of newer
-- rows. The argument of the trigger is the folder above.
CREATE FUNCTION "record_removal"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "storage_removals" ("folder") VALUES (TG_ARGV[0] || '/' || OLD."id") ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_removal" AFTER DELETE ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "record_removal"('transcriptions');--> statement-breakpoint
CREATE TRIGGER "uploads_removal" AFTER DELETE ON "uploads"
  FOR EACH ROW EXECUTE FUNCTION "record_removal"('uploads');
