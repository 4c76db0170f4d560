import { fileTypeFromBuffer } from 'file-type/core'

/** Enough of a file to know its container by. */
export const SIGNATURE_BYTES = 64 * 1024

/** ffmpeg's containers, by what a file of theirs is called. */
const CONTAINERS: Record<string, string[]> = {
  wav: ['wav'],
  mp3: ['mp3', 'mp2', 'mp1'],
  aac: ['aac'],
  flac: ['flac'],
  ogg: ['ogg', 'oga', 'ogv', 'opus', 'spx', 'ogm', 'ogx'],
  aiff: ['aif'],
  amr: ['amr'],
  asf: ['asf'],
  mpegts: ['mts'],
  avi: ['avi'],
  ac3: ['ac3'],
  mov: ['mov', 'mp4', 'm4a', 'm4b', 'm4p', 'm4v', 'f4a', 'f4b', 'f4p', 'f4v', '3gp', '3g2'],
  matroska: ['mkv'],
  webm: ['webm'],
}

/** What the library does not know, by a file's first letters. */
const OTHERS: Record<string, string> = { caff: 'caf', riff: 'w64' }

/**
 * The container that the first bytes of a recording tell, as ffmpeg names it, of those that prepare decodes; null where
 * they tell none. They say nothing of what is in it.
 */
export async function containerOf(start: Uint8Array): Promise<string | null> {
  const letters = String.fromCharCode(...start.subarray(0, 4))
  const name = (await fileTypeFromBuffer(start))?.ext ?? ''
  const found = Object.keys(CONTAINERS).find((container) => CONTAINERS[container]?.includes(name))
  return found ?? OTHERS[letters] ?? null
}
