import { randomUUID } from 'node:crypto'
import { insertUser } from '../../src/auth/users.store.ts'
import type { Database } from '../../src/db/database.ts'
import type { Segment } from '../../src/engines/engine.ts'
import { SAMPLE_RATE } from '../../src/media/media.ts'
import { insertEnvelope } from '../../src/transcriptions/envelopes.store.ts'
import { claimSpan, finishSpan, insertSpans } from '../../src/transcriptions/spans.store.ts'
import { textOf } from '../../src/transcriptions/transcript/turns.ts'
import { withVoices } from '../../src/transcriptions/transcript/voices.ts'
import {
  addDoneSamples,
  complete,
  insertTranscription,
  type NewTranscription,
  segmentsOf,
  setLength,
} from '../../src/transcriptions/transcriptions.store.ts'
import type { Warning } from '../../src/warnings.ts'

export async function insertAnyUser(db: Database): Promise<string> {
  const id = await insertUser(db, { email: `${randomUUID()}@example.org`, passwordHash: 'none' })
  if (id === null) throw new Error('the email is taken')
  return id
}

/** Writes a transcription down, of a user of its own unless one is given; gives its id. */
export async function insertOwned(db: Database, other: Partial<NewTranscription> = {}): Promise<string> {
  const id = randomUUID()
  const userId = other.userId ?? (await insertAnyUser(db))
  await db.transaction((tx) =>
    insertTranscription(tx, {
      id,
      language: 'en',
      task: 'transcribe',
      words: false,
      filename: 'speech.wav',
      codec: 'pcm_s16le',
      contentType: 'audio/wav',
      audioBytes: 1,
      audioSha256: '00',
      ...other,
      userId,
    }),
  )
  return id
}

/** Completes a queued transcription with these segments in one span, and a second channel's in another. */
export async function finishWith(
  db: Database,
  {
    id,
    seconds,
    heard,
    right,
    warnings = [],
  }: { id: string; seconds: number; heard: Segment[]; right?: Segment[]; warnings?: Warning[] },
) {
  const samples = seconds * SAMPLE_RATE
  await insertDecoded(db, { id, samples, warnings })
  for (const [channel, segments] of [heard, ...(right ? [right] : [])].entries()) {
    const range = { channel, startSample: 0, endSample: samples }
    const planned = await db.transaction((tx) => insertSpans(tx, { transcriptionId: id, ranges: [range] }))
    const claimed = await claimSpan(db, planned[0]?.id ?? '')
    if (!claimed) throw new Error('the span cannot be claimed')
    const { span } = claimed
    const claim = { spanId: span.id, attempt: span.attempt }
    await db.transaction((tx) =>
      finishSpan(tx, {
        claim,
        span,
        result: { model: 'scripted', segments, detected: null },
        engine: 'sidecar',
        revision: null,
      }),
    )
  }
  await db.transaction(async (tx) => {
    const row = await addDoneSamples(tx, { id, samples })
    if (!row) throw new Error('the transcription has finished')
    const text = textOf(withVoices(await segmentsOf(tx, row), row))
    await complete(tx, { id, text, detectedLanguage: 'en' })
  })
}

/** Records a transcription as decoded: its duration, the levels of each channel, and its warnings. */
export async function insertDecoded(
  db: Database,
  {
    id,
    samples,
    peaks = [new Uint8Array()],
    warnings = [],
  }: { id: string; samples: number; peaks?: Uint8Array[]; warnings?: Warning[] },
) {
  await db.transaction(async (tx) => {
    for (const [channel, one] of peaks.entries()) {
      await insertEnvelope(tx, { transcriptionId: id, channel, levels: new Uint8Array(), peaks: one })
    }
    await setLength(tx, { id, decodingRound: 0, totalSamples: samples, workSamples: samples, warnings })
  })
}
