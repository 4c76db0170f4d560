import { randomUUID } from 'node:crypto'
import { insertUser } from '../../src/auth/users.store.ts'
import type { Database } from '../../src/db/database.ts'
import type { Segment } from '../../src/engines/engine.ts'
import { SAMPLE_RATE } from '../../src/media/media.ts'
import { insertEnvelope } from '../../src/transcriptions/envelopes.store.ts'
import { claimSpan, finishSpan, insertSpans } from '../../src/transcriptions/spans.store.ts'
import { joinTexts } from '../../src/transcriptions/transcript/languages.ts'
import {
  addDoneSamples,
  complete,
  insertTranscription,
  type NewTranscription,
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

/** Completes a queued transcription with these segments in one span. */
export async function finishWith(
  db: Database,
  {
    id,
    seconds,
    heard,
    language = 'en',
    warnings = [],
  }: { id: string; seconds: number; heard: Segment[]; language?: string; warnings?: Warning[] },
) {
  const samples = seconds * SAMPLE_RATE
  await insertDecoded(db, { id, samples, warnings })
  const range = { channel: 0, startSample: 0, endSample: samples }
  const planned = await db.transaction((tx) => insertSpans(tx, { transcriptionId: id, ranges: [range] }))
  const span = await claimSpan(db, planned[0]?.id ?? '')
  if (!span) throw new Error('the span cannot be claimed')
  await db.transaction(async (tx) => {
    const claim = { spanId: span.id, attempt: span.attempt }
    const result = { model: 'scripted', segments: heard, detected: null }
    await finishSpan(tx, { claim, span, result, engine: 'sidecar' })
    await addDoneSamples(tx, { id, samples })
    await complete(tx, { id, text: joinTexts(heard.map(({ text }) => text)), detectedLanguage: language })
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
    await setLength(tx, { id, totalSamples: samples, workSamples: samples, warnings })
  })
}
