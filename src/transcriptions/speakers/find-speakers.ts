import type { StoredSpeaker } from '../../db/columns.ts'
import type { SpeakerTurn } from './assign-words.ts'
import type { DiarizedSpan } from './diarizations.store.ts'
import { averageOf, type KnownVoice, nameOf } from './known-voices.ts'
import { mergeVoices, type SpeakerCount } from './merge-voices.ts'

export type FoundSpeakers = {
  /** In the order in which they begin to speak. */
  speakers: StoredSpeaker[]
  /** The speaker of each voice, by span. */
  speakerOf: Map<string, Map<number, string>>
}

/** A voice with its span, and the time at which it begins to speak. */
type PlacedVoice = { span: DiarizedSpan; voice: number; seconds: number; embedding: number[]; first: number }

/**
 * Merges the voices of all spans into speakers, those of each channel separately. `spans` are ordered by
 * channel and time. A speaker gets the name of a known voice that is similar enough.
 */
export function findSpeakers(
  spans: readonly DiarizedSpan[],
  { known, ...speakerCount }: SpeakerCount & { known: readonly KnownVoice[] },
): FoundSpeakers {
  const byChannel = Map.groupBy(spans.flatMap(voicesOf), ({ span }) => span.channel)
  const groups = [...byChannel].flatMap(([channel, voices]) => {
    const numbers = mergeVoices(voices, speakerCount)
    return [...Map.groupBy(voices.keys(), (index) => numbers[index]).values()].map((indexes) => {
      const members = indexes.flatMap((index) => voices[index] ?? [])
      return { channel, members, first: Math.min(...members.map(({ first }) => first)) }
    })
  })
  groups.sort((a, b) => a.first - b.first || a.channel - b.channel)
  const speakerOf: FoundSpeakers['speakerOf'] = new Map(spans.map(({ spanId }) => [spanId, new Map()]))
  const speakers = groups.map(({ channel, members }, index) => {
    const id = letterOf(index)
    for (const { span, voice } of members) speakerOf.get(span.spanId)?.set(voice, id)
    const seconds = members.reduce((sum, member) => sum + secondsSpoken(member), 0)
    return {
      id,
      name: nameOf(averageOf(members), known),
      channel,
      seconds: Math.round(seconds * 1000) / 1000,
    }
  })
  return { speakers, speakerOf }
}

function voicesOf(span: DiarizedSpan): PlacedVoice[] {
  return span.voices.flatMap(({ voice, seconds, embedding }) => {
    const first = span.turns.find((turn) => turn.voice === voice)?.start
    return embedding === null || first === undefined ? [] : [{ span, voice, seconds, embedding, first }]
  })
}

function secondsSpoken({ span, voice }: PlacedVoice): number {
  const turns = span.turns.filter((turn) => turn.voice === voice)
  return turns.reduce((sum, { start, end }) => sum + end - start, 0)
}

/** 0 → A, 25 → Z, 26 → AA */
export function letterOf(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26))
  return index < 26 ? letter : letterOf(Math.floor(index / 26) - 1) + letter
}

/** The turns of a span with their speakers. */
export function speakerTurnsOf(
  { turns }: Pick<DiarizedSpan, 'turns'>,
  speakerOf: ReadonlyMap<number, string> | undefined,
): SpeakerTurn[] {
  return turns.flatMap(({ voice, start, end }) => {
    const speaker = speakerOf?.get(voice)
    return speaker === undefined ? [] : [{ speaker, start, end }]
  })
}
