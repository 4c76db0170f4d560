import { fileTypeFromBuffer } from 'file-type/core'

/** Enough of a file to recognize its container. */
export const SIGNATURE_BYTES = 64 * 1024

/** ffmpeg's names of containers, with the extensions that the library returns. */
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

/** Containers that the library does not know, by their first four bytes. */
const MAGIC: Record<string, string> = { caff: 'caf', riff: 'w64' }

/**
 * Recognizes the container of a recording by its first bytes. Returns ffmpeg's name of it, or null if it is
 * none that prepare decodes. This says nothing about the content.
 */
export async function containerOf(start: Uint8Array): Promise<string | null> {
  const letters = String.fromCharCode(...start.subarray(0, 4))
  const extension = (await fileTypeFromBuffer(start))?.ext ?? ''
  const container = Object.keys(CONTAINERS).find((name) => CONTAINERS[name]?.includes(extension))
  return container ?? MAGIC[letters] ?? null
}
