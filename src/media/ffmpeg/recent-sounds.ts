import type { Sound } from './reports.ts'

const MAX_BYTES = 32 * 2 ** 20
/** A file that is accepted is decoded soon after its probe. */
const KEPT_MS = 60_000

/** Keeps the sound of short files that were decoded with their probe, for the decode that follows. */
export function createRecentSounds({ maxBytes = MAX_BYTES, keptMs = KEPT_MS } = {}) {
  const kept = new Map<string, { sound: Sound; timer: ReturnType<typeof setTimeout> }>()
  let bytes = 0

  function take(file: string): Sound | null {
    const found = kept.get(file)
    if (!found) return null
    kept.delete(file)
    clearTimeout(found.timer)
    bytes -= found.sound.piece.pcm.length
    return found.sound
  }

  return {
    /** If not, files are not decoded with their probe. */
    isRoom: () => bytes < maxBytes,

    keep(file: string, sound: Sound): void {
      take(file)
      const timer = setTimeout(() => void take(file), keptMs)
      timer.unref()
      kept.set(file, { sound, timer })
      bytes += sound.piece.pcm.length
    },

    /** The sound of a file, which is no longer kept. */
    take,

    clear(): void {
      for (const file of [...kept.keys()]) take(file)
    },
  }
}
