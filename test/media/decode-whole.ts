import { concatenated } from '../../src/bytes.ts'
import { BYTES_PER_SAMPLE, type Media, type PcmPiece } from '../../src/media/media.ts'

export type Decoded = Awaited<ReturnType<typeof decodeWhole>>

/** Decodes a file and joins its pieces; `pieces` holds them as they arrived. */
export async function decodeWhole(media: Media, options: Omit<Parameters<Media['decode']>[0], 'take'>) {
  const pieces: PcmPiece[] = []
  const warnings = await media.decode({
    ...options,
    async take(piece) {
      pieces.push(piece)
    },
  })
  const pcm = concatenated(pieces.map((piece) => piece.pcm))
  return {
    pieces,
    warnings,
    pcm,
    samples: pcm.length / BYTES_PER_SAMPLE,
    levels: concatenated(pieces.map((piece) => piece.levels)),
    peaks: concatenated(pieces.map((piece) => piece.peaks)),
  }
}
