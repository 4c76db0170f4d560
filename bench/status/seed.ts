import type { Sql } from 'postgres'
import { randomFrom } from '../../test/seeded.ts'

const VOCABULARY = 20_000
const TEXTS = 5_000
const WORDS = 60
const OPEN_SHARE = 0.1
const MOST_OPEN = 100

/** In about four texts of ten. */
export const COMMON_WORD = 'w10'

/** A word of the `row`th file's name, with which few others begin. */
export const rareWord = (row: number) => `recording${row}`

/**
 * Fills an empty database with so many transcriptions, a second apart, of all its users by turns, each with one of 5000 texts
 * of 60 words that are as unevenly common as words are. Of the latest a tenth, but not more than 100, are queued; the others
 * are completed. The triggers rest meanwhile, and the words to be found by are written all at once; so are the indexes.
 */
export async function seed({ client, rows }: { client: Sql; rows: number }): Promise<void> {
  const open = Math.min(MOST_OPEN, Math.floor(rows * OPEN_SHARE))
  await client.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`set local maintenance_work_mem = '1GB'`
    await tx`create temporary table texts on commit drop as
      select place - 1 as place, text, terms_in(null, text) as words
      from unnest(${texts()}::text[]) with ordinality as of_all (text, place)`
    await tx`create temporary table owners on commit drop as
      select id, row_number() over () - 1 as place, count(*) over () as among from users`
    const indexes: { name: string; made: string }[] = await tx`
      select indexname as name, indexdef as made from pg_indexes
      where tablename in ('transcriptions', 'terms') and indexname not like '%_pkey'`
    for (const { name } of indexes) await tx`drop index ${tx(name)}`
    await tx`
      insert into transcriptions (
        id, user_id, status, language, task, words, filename, codec, content_type, audio_bytes, audio_sha256,
        claimed_seconds, total_samples, work_samples, done_samples, text, created_at, completed_at
      )
      select
        gen_random_uuid(), owners.id, 'completed', 'en', 'transcribe', false,
        'recording' || n || '.mp3', 'mp3', 'audio/mpeg', 400000, repeat('0', 64),
        25, 400000, 400000, 400000, texts.text, now() - make_interval(secs => ${rows}::int - n), now()
      from generate_series(0, ${rows - 1}::int) as n
      join owners on owners.place = n % owners.among
      join texts on texts.place = n % ${TEXTS}::int`
    await tx`
      insert into terms
      select id, user_id, created_at, terms_in(filename, null) || texts.words
      from transcriptions join texts using (text)`
    await tx`
      update transcriptions
      set status = 'queued', text = null, total_samples = null, work_samples = null, done_samples = 0, completed_at = null
      where created_at >= now() - make_interval(secs => ${open}::int)`
    for (const { made } of indexes) await tx.unsafe(made)
  })
  await client`vacuum analyze`
}

function texts(): string[] {
  const random = randomFrom(1)
  // The `n`th word as often as 1/n.
  const word = () => `w${Math.floor(VOCABULARY ** random())}`
  return Array.from({ length: TEXTS }, () => Array.from({ length: WORDS }, word).join(' '))
}
