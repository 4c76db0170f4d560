import { concatenated } from '../bytes.ts'
import type { Sound } from '../media/media.ts'
import type { Storage } from '../storage/storage.ts'
import { soundKey } from './storage-keys.ts'

const MAX_BYTES = 32 * 2 ** 20
/** An upload that is accepted is prepared soon after its inspection. */
const KEPT_MS = 60_000
const HEADER_LENGTH_BYTES = 4

/**
 * The sounds of short recordings that were decoded while they were inspected, for `prepare`, which would have to open
 * a decoder again. A sound that is not there is decoded.
 */
export type Sounds = {
  /** If not, recordings are not decoded while they are inspected. */
  isRoom(): boolean
  /** Does not throw. */
  keep(id: string, sound: Sound): Promise<void>
  /** The sound of a transcription; null if there is none. */
  take(id: string): Promise<Sound | null>
}

/** For an API and workers that do not share a folder. */
export const noSounds: Sounds = { isRoom: () => false, keep: async () => {}, take: async () => null }

/** For an API and a worker in one process. */
export function recentSounds({ maxBytes = MAX_BYTES, keptMs = KEPT_MS } = {}): Sounds {
  const kept = new Map<string, { sound: Sound; timer: ReturnType<typeof setTimeout> }>()
  let bytes = 0

  function remove(id: string): Sound | null {
    const found = kept.get(id)
    if (!found) return null
    kept.delete(id)
    clearTimeout(found.timer)
    bytes -= found.sound.piece.pcm.length
    return found.sound
  }

  return {
    isRoom: () => bytes < maxBytes,
    async keep(id, sound) {
      remove(id)
      const timer = setTimeout(() => remove(id), keptMs)
      timer.unref()
      kept.set(id, { sound, timer })
      bytes += sound.piece.pcm.length
    },
    take: async (id) => remove(id),
  }
}

/** For an API and workers that share a folder: a file beside the pcm, removed with it. */
export function storedSounds(storage: Pick<Storage, 'read' | 'write'>): Sounds {
  return {
    isRoom: () => true,
    async keep(id, sound) {
      await storage.write(soundKey(id), new Blob(partsOf(sound)).stream()).catch(() => {})
    },
    async take(id) {
      try {
        return soundIn(await new Response(await storage.read(soundKey(id))).bytes())
      } catch {
        return null
      }
    },
  }
}

type Header = { levels: string; peaks: string; isLast: boolean; warnings: Sound['warnings'] }

/** The length of the header (a uint32, little-endian), the header as JSON, and the pcm. */
function partsOf({ piece: { pcm, levels, peaks, isLast }, warnings }: Sound) {
  const header: Header = { levels: levels.toBase64(), peaks: peaks.toBase64(), isLast, warnings }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const length = new Uint8Array(HEADER_LENGTH_BYTES)
  new DataView(length.buffer).setUint32(0, text.length, true)
  return [concatenated([length, text]), pcm]
}

function soundIn(bytes: Uint8Array<ArrayBuffer>): Sound {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const end = HEADER_LENGTH_BYTES + length
  const header: Header = JSON.parse(new TextDecoder().decode(bytes.subarray(HEADER_LENGTH_BYTES, end)))
  const { isLast, warnings } = header
  const [levels, peaks] = [Uint8Array.fromBase64(header.levels), Uint8Array.fromBase64(header.peaks)]
  return { piece: { pcm: bytes.slice(end), levels, peaks, isLast }, warnings }
}
