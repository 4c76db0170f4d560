CREATE TABLE "terms" (
	"transcription_id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"words" "tsvector" NOT NULL
);
--> statement-breakpoint
DROP INDEX "transcriptions_user";--> statement-breakpoint
ALTER TABLE "terms" ADD CONSTRAINT "terms_transcription_id_transcriptions_id_fk" FOREIGN KEY ("transcription_id") REFERENCES "public"."transcriptions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "terms_words" ON "terms" USING gin ("words");--> statement-breakpoint
CREATE INDEX "terms_user" ON "terms" USING btree ("user_id","created_at","transcription_id");--> statement-breakpoint
CREATE INDEX "transcriptions_status" ON "transcriptions" USING btree ("user_id","status","created_at","id");--> statement-breakpoint
CREATE INDEX "transcriptions_language" ON "transcriptions" USING btree ("user_id",(case when "language" = 'auto' then coalesce("detected_language", 'auto') else "language" end),"created_at","id");--> statement-breakpoint
CREATE INDEX "transcriptions_user" ON "transcriptions" USING btree ("user_id","created_at","id");--> statement-breakpoint
-- Punctuation parts words, and each character of scripts without spaces is a word, so that a phrase of them is found anywhere.
CREATE FUNCTION "searchable"(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT regexp_replace(
    regexp_replace(
      said,
      '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u3004\u3008-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+',
      ' ', 'g'
    ),
    '([\u0e00-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])',
    ' \1 ', 'g'
  )
$$;--> statement-breakpoint
CREATE FUNCTION "terms_in"(filename text, said text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  plain text := searchable(concat_ws(' ', filename, said));
BEGIN
  RETURN to_tsvector('simple', plain);
EXCEPTION WHEN program_limit_exceeded THEN
  -- A tsvector holds 1 MB, which so many characters never fill.
  RETURN to_tsvector('simple', left(plain, 100000));
END $$;--> statement-breakpoint
-- All of the words in any order; the last one may be the beginning of a word. Null where there are none.
CREATE FUNCTION "search_for"(asked text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  word text;
  one tsquery;
  whole tsquery;
BEGIN
  FOREACH word IN ARRAY regexp_split_to_array(asked, '\s+') LOOP
    one := phraseto_tsquery('simple', searchable(word));
    CONTINUE WHEN numnode(one) = 0;
    whole := coalesce(whole && one, one);
  END LOOP;
  RETURN (whole::text || ':*')::tsquery;
END $$;--> statement-breakpoint
CREATE FUNCTION "write_terms"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "terms" VALUES (NEW.id, NEW.user_id, NEW.created_at, terms_in(NEW.filename, NEW.text))
    ON CONFLICT (transcription_id) DO UPDATE SET created_at = excluded.created_at, words = excluded.words;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "transcriptions_terms" AFTER INSERT OR UPDATE OF "filename", "text", "created_at" ON "transcriptions"
  FOR EACH ROW EXECUTE FUNCTION "write_terms"();--> statement-breakpoint
INSERT INTO "terms" SELECT id, user_id, created_at, terms_in(filename, "text") FROM "transcriptions";
