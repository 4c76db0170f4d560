import { wavOf } from '../../src/media/wav.ts'
import { randomFrom } from '../../test/support/seeded.ts'

const SAMPLE_RATE = 16_000
const WORDS_PER_SECOND = 30_000 / 10_800
const VOCABULARY = (
  'the old library stands beside a river and many people come there each morning to read about distant ' +
  'harbours weather engineering history music gardens budgets quarterly numbers decisions questions answers'
).split(' ')
const PEOPLE = ['A', 'B', 'C', 'D']

/** A made-up conversation of this length, as the API returns it. */
export function transcriptOf({ id, seconds }: { id: string; seconds: number }) {
  const random = randomFrom(1)
  const segments: ReturnType<typeof segmentOf>[] = []
  let speaker = 'A'
  for (let start = 0.5; start < seconds - 10; ) {
    if (random() < 0.25) speaker = pick(PEOPLE, random)
    const segment = segmentOf({ start, speaker, count: 6 + Math.floor(random() * 16), random })
    segments.push(segment)
    start = segment.end + 0.1 / WORDS_PER_SECOND
  }
  return {
    id,
    status: 'completed' as const,
    language: 'en',
    languages: ['en'],
    duration: seconds,
    engines: [{ engine: 'sidecar' as const, model: 'Systran/faster-whisper-base', seconds }],
    warnings: [],
    speakers: PEOPLE.map((id) => {
      const own = segments.filter((segment) => segment.speaker === id)
      const spoken = own.reduce((sum, { start, end }) => sum + end - start, 0)
      return { id, name: id === 'B' ? 'Grace Hopper' : null, seconds: spoken, segments: own.length }
    }),
    text: segments.map(({ text }) => text).join(' '),
    segments,
  }
}

const pick = (items: readonly string[], random: () => number) =>
  items[Math.floor(random() * items.length)] ?? ''

/** A sentence. */
function segmentOf({
  start,
  speaker,
  count,
  random,
}: {
  start: number
  speaker: string
  count: number
  random: () => number
}) {
  const words = Array.from({ length: count }, (_, position) => {
    const word = pick(VOCABULARY, random)
    return {
      start: start + position / WORDS_PER_SECOND,
      end: start + (position + 0.8) / WORDS_PER_SECOND,
      word:
        position === 0
          ? word.replace(/^./, (letter) => letter.toUpperCase())
          : `${word}${position < count - 1 ? '' : '.'}`,
      probability: Math.min(1, 0.35 + random() * 2),
      speaker,
    }
  })
  const end = start + count / WORDS_PER_SECOND
  return { start, end, text: words.map(({ word }) => word).join(' '), speaker, language: 'en', words }
}

/** Peaks like those of speech. */
export function waveformOf({ seconds, samplesPerPixel }: { seconds: number; samplesPerPixel: number }) {
  const random = randomFrom(2)
  const length = Math.ceil((seconds * SAMPLE_RATE) / samplesPerPixel)
  const data = Array.from({ length }, () => Math.floor(4 + random() ** 2 * 110)).flatMap((peak) => [
    -peak,
    peak,
  ])
  return {
    version: 2,
    channels: 1,
    sample_rate: SAMPLE_RATE,
    samples_per_pixel: samplesPerPixel,
    bits: 8,
    length,
    data,
  }
}

/** Silence at 8 kHz and 8 bits would suffice; the wav of the service has 16. */
export const audioOf = (seconds: number) => wavOf(new Uint8Array(seconds * SAMPLE_RATE * 2))
