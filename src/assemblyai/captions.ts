import type { Cue } from '../transcriptions/transcript/cues.ts'
import { type Chunk, chunksOf, joinChunks, SENTENCE_END } from '../transcriptions/transcript/line-breaking.ts'
import { toSrt, toVtt } from '../transcriptions/transcript/subtitles.ts'
import type { Segment } from './sentences.ts'

const WRITERS = { srt: toSrt, vtt: toVtt }

/** Writes subtitles with captions of at most `maxChars` characters, each on one line. */
export function captionsOf(
  segments: Segment[],
  { format, maxChars }: { format: keyof typeof WRITERS; maxChars: number },
): string {
  const cues = segments.flatMap((segment) => cuesOf(chunksOf(segment, maxChars), maxChars))
  return WRITERS[format](cues.sort((a, b) => a.start - b.start))
}

function cuesOf(chunks: Chunk[], maxChars: number): Cue[] {
  const captions: Chunk[][] = []
  for (const chunk of chunks) {
    const caption = captions.at(-1)
    const last = caption?.at(-1)
    const continues = last && !SENTENCE_END.test(last.text)
    if (caption && continues && joinChunks([...caption, chunk]).length <= maxChars) caption.push(chunk)
    else captions.push([chunk])
  }
  return captions.map((caption) => ({
    start: caption[0]?.start ?? 0,
    end: caption.at(-1)?.end ?? 0,
    lines: [joinChunks(caption)],
    voice: null,
  }))
}
