import type { AudioInfo, PcmPiece, Sound } from '../media.ts'
import { decode, type Opened, openInput } from './decode.ts'
import type { Input } from './reports.ts'

/** Decoding a larger file is not a matter of milliseconds. */
const MAX_BYTES = 16 * 2 ** 20

/**
 * Probes a file and, if it has one track of up to `decodesUpTo` seconds, decodes it too: opening a decoder for
 * that takes as long as decoding ten seconds. Throws the errors of `probe`. Without `sound`, `decode` decodes the
 * file, and says what is wrong with it. `isIntact`: whether nothing went wrong.
 */
export async function probeAndDecode({
  input,
  decodesUpTo,
  ...options
}: {
  module: WebAssembly.Module
  input: Input
  track: number | null
  decodesUpTo: number
}): Promise<{ info: AudioInfo; sound: Sound | null; isIntact: boolean }> {
  const opened = await openInput({ input, ...options })
  const { info } = opened.probed
  const isShort = input.size <= MAX_BYTES && (info.claimedSeconds ?? 0) <= decodesUpTo
  if (!isShort || info.tracks.length > 1) return { info, sound: null, isIntact: true }
  const sound = await decodeShort(opened, decodesUpTo).catch(() => null)
  return { info, sound, isIntact: sound !== null }
}

async function decodeShort(opened: Opened, maxSeconds: number): Promise<Sound | null> {
  const pieces: PcmPiece[] = []
  const onPiece = (piece: PcmPiece) => void pieces.push(piece)
  const warnings = await decode(opened, { maxSeconds, channel: null, onPiece })
  const [piece] = pieces
  return piece?.isLast ? { piece, warnings } : null
}
