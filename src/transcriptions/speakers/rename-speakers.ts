import type { StoredSpeaker } from '../../db/columns.ts'
import type { Database, Transaction } from '../../db/database.ts'
import { type OwnedKeys, transcriptionNotFound } from '../owned.ts'
import { formatSpeakers, requireSpeakers } from '../reading/transcript.ts'
import { textOf } from '../transcript/turns.ts'
import { withVoices } from '../transcript/voices.ts'
import { segmentsOf } from '../transcriptions.store.ts'
import { listDiarizedSpans } from './diarizations.store.ts'
import { averageOf, type KnownVoice, nameOf } from './known-voices.ts'
import { renamed } from './names.ts'
import { lockOwned, setSpeakers } from './speakers.store.ts'

type Change = (speakers: StoredSpeaker[], tx: Transaction) => StoredSpeaker[] | Promise<StoredSpeaker[]>

/** Changes the speakers of a completed transcription and returns them. Throws `not_found` and `speakers_missing`. */
async function changeSpeakers(db: Database, keys: OwnedKeys, change: Change) {
  return db.transaction(async (tx) => {
    const row = await lockOwned(tx, keys)
    if (!row) throw transcriptionNotFound()
    const speakers = await change(requireSpeakers(row), tx)
    const segments = withVoices(await segmentsOf(tx, row), { ...row, speakers })
    await setSpeakers(tx, { id: row.id, speakers, text: textOf(segments) })
    return { speakers: formatSpeakers({ ...row, speakers }, segments) ?? [] }
  })
}

/** Gives speakers names, as `renamed` does. */
export function renameSpeakers(
  db: Database,
  { names, ...keys }: OwnedKeys & { names: Record<string, string | null> },
) {
  return changeSpeakers(db, keys, (speakers) => renamed(speakers, names))
}

/**
 * Names the speakers of an ephemeral transcription whose voices are known. Other transcriptions have no
 * embeddings any more.
 */
export function nameKnownSpeakers(db: Database, { known, ...keys }: OwnedKeys & { known: KnownVoice[] }) {
  return changeSpeakers(db, keys, async (speakers, tx) => {
    const spans = await listDiarizedSpans(tx, keys.id)
    const bySpeaker = Map.groupBy(
      spans.flatMap(({ voices }) => voices),
      ({ speaker }) => speaker,
    )
    return speakers.map((speaker) => {
      const heard = (bySpeaker.get(speaker.id) ?? []).flatMap(({ seconds, embedding }) =>
        embedding === null ? [] : [{ seconds, embedding }],
      )
      const name = heard.length > 0 ? nameOf(averageOf(heard), known) : null
      return name === null ? speaker : { ...speaker, name }
    })
  })
}
