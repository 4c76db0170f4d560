import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { VerbatimError } from '../../errors.ts'
import type { Segment } from '../engine.ts'
import { languageCode, modelName, withinSpan } from '../shared/span-result.ts'

const Time = Type.Union([Type.Number(), Type.Null()])

const Chunk = Type.Object({
  text: Type.String(),
  timestamp: Type.Tuple([Time, Time]),
  language: Type.Optional(Type.Unknown()),
})

const Reply = Type.Object({
  text: Type.String(),
  chunks: Type.Optional(Type.Union([Type.Array(Chunk), Type.Null()])),
  language: Type.Optional(Type.Unknown()),
  model: Type.Optional(Type.Unknown()),
})

function segmentsOf(reply: Static<typeof Reply>, seconds: number): Pick<Segment, 'start' | 'end' | 'text'>[] {
  const chunks = reply.chunks ?? []
  if (chunks.length === 0) return [{ start: 0, end: seconds, text: reply.text }]
  // Whisper returns no end time if the audio stops within a sentence. A start time may be missing too.
  return chunks.map(({ text, timestamp: [start, end] }, index) => ({
    start: start ?? chunks[index - 1]?.timestamp[1] ?? 0,
    end: end ?? chunks[index + 1]?.timestamp[0] ?? seconds,
    text,
  }))
}

/**
 * Parses a response of Hugging Face's automatic-speech-recognition task: `{text, chunks: [{text, timestamp:
 * [seconds, seconds]}]}`, or only `{text}`, which becomes one segment. `language`: the requested language,
 * null for `auto`. Throws `engine_unavailable` if the response is invalid.
 */
export function readHuggingFaceReply(
  reply: unknown,
  request: { seconds: number; language: string | null },
): { segments: Segment[]; model: string | null } {
  if (!Value.Check(Reply, reply)) {
    throw new VerbatimError('engine_unavailable', 'The hosted engine did not answer with a transcript.')
  }
  const languages = reply.chunks?.map((chunk) => languageCode(chunk.language)) ?? []
  const segments = segmentsOf(reply, request.seconds).map((timed, index) => ({
    ...timed,
    language: request.language ?? languages[index] ?? languageCode(reply.language),
    avgLogprob: null,
    compressionRatio: null,
    noSpeechProb: null,
    words: null,
  }))
  return {
    segments: withinSpan(segments, request.seconds),
    model: typeof reply.model === 'string' ? modelName(reply.model) : null,
  }
}
