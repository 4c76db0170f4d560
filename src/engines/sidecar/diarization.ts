import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { storableText } from '../../storable-text.ts'
import type { Diarization, SpanResult } from '../engine.ts'

const EMBEDDING_LENGTH = 192
/** More than one per 20 ms of the longest span (180 s). */
const MAX_TURNS = 10_000
const MAX_VOICES = 100
const MAX_PROBLEM_LENGTH = 300

const Turn = Type.Object({ voice: Type.Integer(), start: Type.Number(), end: Type.Number() })

const Reply = Type.Object({
  turns: Type.Array(Turn, { maxItems: MAX_TURNS }),
  voices: Type.Array(
    Type.Object({
      voice: Type.Integer(),
      seconds: Type.Number({ minimum: 0 }),
      embedding: Type.Array(Type.Number(), { minItems: EMBEDDING_LENGTH, maxItems: EMBEDDING_LENGTH }),
    }),
    { maxItems: MAX_VOICES },
  ),
})

/** Reads `diarization` of a response. An invalid one is a problem, not an error: the transcript is valid without it. */
export function diarizationIn(
  { diarization, diarization_error: problem }: { diarization?: unknown; diarization_error?: unknown },
  seconds: number,
): NonNullable<SpanResult['diarization']> {
  if (Value.Check(Reply, diarization)) return withinSpan(diarization, seconds)
  if (diarization !== undefined && diarization !== null)
    return { problem: 'the sidecar returned invalid turns or voices' }
  const isReason = typeof problem === 'string' && problem.trim() !== ''
  return {
    problem: isReason
      ? storableText(problem, MAX_PROBLEM_LENGTH)
      : 'the sidecar does not tell speakers apart',
  }
}

/** Turns within the span, ordered by start, and the voices that have one. */
function withinSpan({ turns, voices }: Static<typeof Reply>, seconds: number): Diarization {
  const clamp = (time: number) => Math.min(Math.max(time, 0), seconds)
  const known = new Set(voices.map(({ voice }) => voice))
  const kept = turns
    .filter(({ voice }) => known.has(voice))
    .map(({ voice, start, end }) => ({ voice, start: clamp(start), end: clamp(end) }))
    .filter(({ start, end }) => end > start)
    .toSorted((a, b) => a.start - b.start || a.voice - b.voice)
  const speaking = new Set(kept.map(({ voice }) => voice))
  return {
    turns: kept,
    voices: voices.filter(({ voice }) => speaking.has(voice)).toSorted((a, b) => a.voice - b.voice),
  }
}
