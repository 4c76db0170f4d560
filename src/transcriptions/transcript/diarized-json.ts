/** The speaker of a segment without one, which OpenAI's type does not allow. */
const UNKNOWN = 'unknown'

type Spoken = { start: number; end: number; text: string; voice: string | null }

/** OpenAI's `diarized_json`. */
export function diarizedOf({
  duration,
  text,
  segments,
}: {
  duration: number
  text: string
  segments: Spoken[]
}) {
  return {
    task: 'transcribe' as const,
    duration,
    text,
    segments: segments.map(({ start, end, text, voice }, index) => ({
      type: 'transcript.text.segment' as const,
      id: `seg_${index}`,
      start,
      end,
      speaker: voice ?? UNKNOWN,
      text: text.trim(),
    })),
    usage: { type: 'duration' as const, seconds: Math.ceil(duration) },
  }
}
