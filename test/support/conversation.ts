import type { SpanResult } from '../../src/engines/engine.ts'
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../src/media/media.ts'
import { segmentOf } from './scripted-engine.ts'

const SECOND = SAMPLE_RATE * BYTES_PER_SAMPLE
const AMPLITUDE = 1_000
const WORDS_PER_SEGMENT = 7

type Context = { before: Uint8Array; after: Uint8Array }

/** The word that each person says, once a second. */
export const WORDS = ['', ' one', ' two', ' three', ' four', ' five']

/**
 * A recording of people who take turns, with a person for each second from 1, or 0 for silence. The sample
 * values name the person, for `hearConversation`.
 */
export function conversationPcm(people: readonly number[]): Uint8Array<ArrayBuffer> {
  const samples = new Int16Array(people.length * SAMPLE_RATE)
  for (const [second, person] of people.entries()) {
    samples.fill(person * AMPLITUDE, second * SAMPLE_RATE, (second + 1) * SAMPLE_RATE)
  }
  return new Uint8Array(samples.buffer)
}

/** People who take turns of 3 to 8 seconds with pauses of a second, which a seed decides. */
export function randomConversation(
  seconds: number,
  { people, seed }: { people: number; seed: number },
): number[] {
  let state = seed
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
  const spoken: number[] = []
  while (spoken.length < seconds) {
    const person = 1 + random(people)
    for (let left = 3 + random(6); left > 0; left--) spoken.push(person)
    spoken.push(0)
  }
  return spoken.slice(0, seconds)
}

/** What a perfect sidecar hears in a span of a recording by `conversationPcm`. */
export function hearConversation({ pcm, diarize }: { pcm: Uint8Array; diarize: Context | null }): SpanResult {
  const spoken = stretchesOf(pcm)
  const words = spoken.map(({ person, start, end }) => ({
    word: WORDS[person] ?? '',
    start,
    end,
    probability: 1,
  }))
  const segments = Array.from({ length: Math.ceil(words.length / WORDS_PER_SEGMENT) }, (_, index) => {
    const said = words.slice(index * WORDS_PER_SEGMENT, (index + 1) * WORDS_PER_SEGMENT)
    const text = said.map(({ word }) => word).join('')
    return segmentOf({
      text,
      words: said,
      start: said[0]?.start ?? 0,
      end: said.at(-1)?.end ?? 0,
      language: 'en',
    })
  })
  return {
    model: 'fake',
    segments,
    detected: null,
    ...(diarize && { diarization: diarizationOf({ pcm, ...diarize }) }),
  }
}

/** The voices are numbered as they are heard, also in the context, and their embeddings vary with the span. */
function diarizationOf({ pcm, before, after }: { pcm: Uint8Array } & Context) {
  const heard = [
    ...new Set([before, pcm, after].flatMap((part) => stretchesOf(part).map(({ person }) => person))),
  ]
  const turns = stretchesOf(pcm).map(({ person, start, end }) => ({
    voice: heard.indexOf(person),
    start,
    end,
  }))
  const noise = Bun.hash.crc32(pcm)
  const voices = heard.map((person, voice) => ({
    voice,
    seconds: turns
      .filter((turn) => turn.voice === voice)
      .reduce((sum, { start, end }) => sum + end - start, 0),
    embedding: embeddingOf(person, noise % 100),
  }))
  const speaking = new Set(turns.map(({ voice }) => voice))
  return { turns, voices: voices.filter(({ voice }) => speaking.has(voice)) }
}

/** A voice of a person: of unit length, and different in each recording, which `noise` (0 to 99) names. */
export function embeddingOf(person: number, noise = 0): number[] {
  const embedding = Array.from({ length: 192 }, () => 0)
  embedding[person] = 0.95
  embedding[90 + noise] = Math.sqrt(1 - 0.95 ** 2)
  return embedding
}

/** A stretch for each second, or part of one, in which a person speaks. */
function stretchesOf(pcm: Uint8Array): { person: number; start: number; end: number }[] {
  const view = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength)
  const stretches: { person: number; start: number; end: number }[] = []
  let from = 0
  for (let at = 0; at < pcm.length; at += BYTES_PER_SAMPLE) {
    const value = view.getInt16(at, true)
    const next = at + BYTES_PER_SAMPLE < pcm.length ? view.getInt16(at + BYTES_PER_SAMPLE, true) : null
    const isEnd = value !== next || at + BYTES_PER_SAMPLE - from >= SECOND
    if (!isEnd) continue
    const person = Math.round(value / AMPLITUDE)
    if (person > 0) stretches.push({ person, start: from / SECOND, end: (at + BYTES_PER_SAMPLE) / SECOND })
    from = at + BYTES_PER_SAMPLE
  }
  return stretches
}
