-- Words are indexed and searched in Unicode's NFC, so that `é` is found whether it is one character or a letter
-- with a combining accent, as macOS writes file names. The rest of the function is as in 0001_functions.sql.
CREATE OR REPLACE FUNCTION "searchable"(input text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT regexp_replace(
    regexp_replace(
      normalize(input, NFC),
      '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u3004\u3008-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+',
      ' ', 'g'
    ),
    '([\u0e00-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])',
    ' \1 ', 'g'
  )
$$;--> statement-breakpoint
UPDATE "terms" SET "words" = terms_in("transcriptions"."filename", "transcriptions"."text")
  FROM "transcriptions"
  WHERE "transcriptions"."id" = "terms"."transcription_id"
    AND concat_ws(' ', "transcriptions"."filename", "transcriptions"."text") IS NOT NFC NORMALIZED;
