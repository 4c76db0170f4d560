import postgres, { type Sql } from 'postgres'
import { makeRecordings } from './recordings.ts'

const ROWS_PER_STATEMENT = 50_000
const ROWS_PER_USER = 100
const TABLES = ['transcriptions', 'spans', 'segments', 'envelopes', 'terms', 'usage']

/** Fills a migrated database with a year of completed transcriptions, most of them of few users. */
export async function seed(url: string, rows: number) {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  // Triggers are off: this code writes their rows, and nobody listens to their notifications.
  await sql`set session_replication_role = replica`
  await sql`set synchronous_commit = off`
  await sql`set maintenance_work_mem = '256MB'`
  await stage(sql, rows)
  const indexes = await sql<{ indexdef: string; indexname: string }[]>`
    select indexdef, indexname from pg_indexes
    where schemaname = 'public' and tablename = any(${TABLES})
      and indexname not in (select conname from pg_constraint)`
  for (const { indexname } of indexes) await sql`drop index ${sql(indexname)}`
  for (let from = 0; from < rows; from += ROWS_PER_STATEMENT) await insert(sql, from)
  await sql`
    insert into usage select user_id, (created_at at time zone 'utc')::date, count(*), sum(work_samples) / 16000.0
    from transcriptions group by 1, 2`
  await sql`
    insert into storage_usage select user_id, sum(audio_bytes) from transcriptions where audio_removed_at is null group by 1`
  for (const { indexdef } of indexes) await sql.unsafe(indexdef)
  await sql`drop table staged_recordings, staged_segments, staged`
  await sql`vacuum analyze`
  await sql.end()
}

/** Stages the recordings, the users, and the list of who had which recording transcribed when. */
async function stage(sql: Sql, rows: number) {
  await sql`
    create unlogged table staged_recordings
      (recording int primary key, samples bigint, text text, words tsvector, levels bytea, peaks bytea)`
  await sql`create unlogged table staged_segments (recording int, position int, "start" float8, "end" float8, text text)`
  const recordings = makeRecordings()
  for (const [recording, { segments, ...other }] of recordings.entries()) {
    await sql`insert into staged_recordings ${sql({ recording, words: null, ...other })}`
    for (let from = 0; from < segments.length; from += 500) {
      const some = segments.slice(from, from + 500)
      const values = some.map((segment, index) => ({ recording, position: from + index, ...segment }))
      await sql`insert into staged_segments ${sql(values)}`
    }
  }
  await sql`update staged_recordings set words = terms_in(null, text)`
  await sql`create index on staged_segments (recording, position)`
  await sql`
    insert into users (email) select 'user-' || n || '@example.com'
    from generate_series(1, ${Math.ceil(rows / ROWS_PER_USER)}::int) n`
  await sql`create unlogged table staged
    (n int primary key, id uuid default gen_random_uuid(), user_id uuid, recording int, created_at timestamptz)`
  await sql`
    insert into staged (n, user_id, recording, created_at)
    select n, ids[1 + floor(cardinality(ids) * random() ^ 3)], floor(${recordings.length} * random()),
      now() - interval '365 days' * (1 - n::float8 / ${rows})
    from generate_series(0, ${rows - 1}::int) n, (select array_agg(id) as ids from users) everyone`
  await sql`analyze`
}

/**
 * Inserts the staged rows from `from` as the service would write them: spans of two minutes, one piece of
 * levels and peaks.
 */
async function insert(sql: Sql, from: number) {
  const some = sql`(select * from staged where n >= ${from} and n < ${from + ROWS_PER_STATEMENT}) s
    join staged_recordings r using (recording)`
  await sql`
    insert into transcriptions (id, user_id, status, language, task, words, filename, codec, claimed_seconds, content_type,
      audio_bytes, audio_sha256, total_samples, work_samples, done_samples, revision, detected_language, text,
      created_at, completed_at)
    select id, user_id, 'completed', 'en', 'transcribe', false, 'recording-' || n || '.mp3', 'mp3', samples / 16000.0,
      'audio/mpeg', samples / 2, encode(sha256(id::text::bytea), 'hex'), samples, samples, samples, 4, 'en', text,
      created_at, created_at + interval '5 seconds'
    from ${some}`
  await sql`
    insert into terms select id, user_id, created_at, words || to_tsvector('simple', 'recording ' || n || ' mp3')
    from ${some}`
  await sql`
    insert into envelopes (transcription_id, piece, levels, peaks) select id, 0, levels, peaks from ${some}`
  await sql`
    insert into spans (transcription_id, start_sample, end_sample, state, attempt, revision, engine, model, started_at, finished_at)
    select id, at, least(samples, at + 1920000), 'done', 1, 3, 'sidecar', 'Systran/faster-whisper-base',
      created_at + interval '1 second', created_at + interval '5 seconds'
    from ${some}, generate_series(0, samples - 1, 1920000) at`
  await sql`
    insert into segments (span_id, position, transcription_id, "start", "end", text, language, avg_logprob,
      compression_ratio, no_speech_prob)
    select spans.id, position, transcription_id, line."start", line."end", line.text, 'en', -0.2, 1.4, 0.01
    from ${some} join spans on transcription_id = s.id
    join staged_segments line on line.recording = r.recording
      and line."start" >= start_sample / 16000.0 and line."start" < end_sample / 16000.0`
}
