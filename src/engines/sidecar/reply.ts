import { type Static, Type } from '@sinclair/typebox'
import type { DetectedLanguage, Segment, SpanResult } from '../engine.ts'
import { parseReply } from '../shared/read-answer.ts'
import { languageCode, modelName, withinSpan } from '../shared/span-result.ts'
import { diarizationIn } from './diarization.ts'

const optionalNumber = Type.Optional(Type.Union([Type.Number(), Type.Null()]))

const TimedSegment = Type.Object({
  start: Type.Number(),
  end: Type.Number(),
  text: Type.String(),
  language: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  avg_logprob: optionalNumber,
  compression_ratio: optionalNumber,
  no_speech_prob: optionalNumber,
  words: Type.Optional(
    Type.Union([
      Type.Array(
        Type.Object({
          start: Type.Number(),
          end: Type.Number(),
          word: Type.String(),
          probability: optionalNumber,
        }),
      ),
      Type.Null(),
    ]),
  ),
})

const Reply = Type.Object({
  model: Type.String(),
  segments: Type.Array(TimedSegment),
  detected_language: Type.Optional(Type.Unknown()),
  detected_language_probability: Type.Optional(Type.Unknown()),
  diarization: Type.Optional(Type.Unknown()),
  diarization_error: Type.Optional(Type.Unknown()),
})

function segmentOf(timed: Static<typeof TimedSegment>): Segment {
  return {
    start: timed.start,
    end: timed.end,
    text: timed.text,
    language: languageCode(timed.language),
    avgLogprob: timed.avg_logprob ?? null,
    compressionRatio: timed.compression_ratio ?? null,
    noSpeechProb: timed.no_speech_prob ?? null,
    words: timed.words?.map((word) => ({ ...word, probability: word.probability ?? null })) ?? null,
  }
}

/** Null if the sidecar reports no language, or an invalid one: the transcript is valid without it. */
function detectedIn(reply: Static<typeof Reply>): DetectedLanguage | null {
  const language = languageCode(reply.detected_language)
  const probability = reply.detected_language_probability
  const isProbability = typeof probability === 'number' && probability >= 0 && probability <= 1
  return language !== null && isProbability ? { language, probability } : null
}

/**
 * Parses a sidecar's `details=true` response for a span of `seconds`. Throws `engine_unavailable` if it is
 * invalid.
 */
export function readSidecarReply(
  text: string,
  { seconds, isDiarized }: { seconds: number; isDiarized: boolean },
): SpanResult {
  const reply = parseReply(Reply, text, 'The sidecar')
  return {
    model: modelName(reply.model),
    segments: withinSpan(reply.segments.map(segmentOf), seconds),
    detected: detectedIn(reply),
    ...(isDiarized && { diarization: diarizationIn(reply, seconds) }),
  }
}
