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
  mpeg: ['mpg'],
  avi: ['avi'],
  flv: ['flv'],
  ac3: ['ac3'],
  wv: ['wv'],
  ape: ['ape'],
  mpc: ['mpc'],
  voc: ['voc'],
  dsf: ['dsf'],
  mxf: ['mxf'],
  rm: ['rm'],
  qcp: ['qcp'],
  mov: ['mov', 'mp4', 'm4a', 'm4b', 'm4p', 'm4v', 'f4a', 'f4b', 'f4p', 'f4v', '3gp', '3g2'],
  matroska: ['mkv'],
  webm: ['webm'],
}

/** Containers that the library does not know, by their bytes (in hexadecimal) at an offset. */
const MAGIC: [container: string, hex: string, offset?: number][] = [
  ['caf', '63616666'],
  ['w64', '72696666'],
  ['wav', '52463634'],
  ['wav', '42573634'],
  ['au', '2e736e64'],
  ['tta', '54544131'],
  ['dts', '7ffe8001'],
  ['dts', 'fe7f0180'],
  ['mlp', 'f8726fbb', 4],
  ['truehd', 'f8726fba', 4],
  ['eac3', '0b77'],
  ['loas', '56e'],
  ['tak', '7442614b'],
  ['shn', '616a6b67'],
  ['nut', '6e75742f'],
  ['ircam', '64a3'],
  ['sox', '2e536f58'],
  ['nistsphere', '4e4953545f3141'],
  ['ilbc', '2321694c4243'],
  ['oma', '454133'],
  ['dss', '02647373'],
]

/** A GSM file has no header, but each frame of 33 bytes begins with these four bits. */
const GSM = { magic: 0xd0, frameBytes: 33, frames: 10 }

/**
 * Recognizes the container of a recording by its first bytes. Returns ffmpeg's name of it, or null if it is
 * none that prepare decodes. This says nothing about the content.
 */
export async function containerOf(start: Uint8Array): Promise<string | null> {
  const extension = (await fileTypeFromBuffer(start))?.ext ?? ''
  const container = Object.keys(CONTAINERS).find((name) => CONTAINERS[name]?.includes(extension))
  if (container) return container
  const hex = [...start.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const known = MAGIC.find(([, magic, offset = 0]) => hex.startsWith(magic, 2 * offset))
  return known?.[0] ?? (isGsm(start) ? 'gsm' : null)
}

function isGsm(start: Uint8Array): boolean {
  return Array.from({ length: GSM.frames }, (_, frame) => start[frame * GSM.frameBytes]).every(
    (byte) => byte !== undefined && (byte & 0xf0) === GSM.magic,
  )
}
