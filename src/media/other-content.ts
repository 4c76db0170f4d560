import { fileTypeFromBuffer } from 'file-type/core'
import type { VerbatimError } from '../errors.ts'
import { beginningMissing, notARecording } from './refusals.ts'

const CLUSTER = [0x1f, 0x43, 0xb6, 0x75]
const SIMPLE_BLOCK = 0xa3
const TEXT_BYTES = 1_024

/** Boxes with which a slice of a fragmented mp4 begins. */
const FRAGMENT = /^(moof|styp|sidx|mdat)$/

/**
 * Recognizes, by its first bytes, a file that no demuxer can read: a later slice of a recording, or something
 * else. Returns the error that says so; null for other bytes.
 */
export async function recognizeOther(start: Uint8Array): Promise<VerbatimError | null> {
  if (isLaterSlice(start)) return beginningMissing()
  const text = textOf(start)
  if (text !== null) return notARecording(kindOfText(text))
  const type = await fileTypeFromBuffer(start)
  return type && !/^(audio|video)\//.test(type.mime) ? notARecording(`of type ${type.mime}`) : null
}

/** Whether it begins in the middle of a recording, as the later slices of a browser's MediaRecorder do. */
function isLaterSlice(start: Uint8Array): boolean {
  const isCluster = CLUSTER.every((byte, index) => start[index] === byte)
  const isOggPage = latin1(start, 0, 4) === 'OggS'
  return isCluster || isBlock(start) || isOggPage || FRAGMENT.test(latin1(start, 4, 8))
}

/** A Matroska block: its size (1 to 4 bytes), a track number below 128, and a time. */
function isBlock(start: Uint8Array): boolean {
  const length = Math.clz32((start[1] ?? 0) << 24) + 1
  return start[0] === SIMPLE_BLOCK && length <= 4 && ((start[1 + length] ?? 0) & 0x80) !== 0
}

function kindOfText(text: string): string {
  if (/^\s*(<!doctype html|<html|<head|<body)/i.test(text)) return 'a web page'
  if (/^\s*<\?xml|^\s*<[a-z]/i.test(text)) return 'an XML document'
  if (/^\s*[[{]/.test(text)) return 'JSON'
  return 'text'
}

/** The first characters if they are text: UTF-8 without control characters. Null for other bytes. */
function textOf(start: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(start.subarray(0, TEXT_BYTES), {
      stream: true,
    })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they tell text from other bytes
    return text.trim() !== '' && !/[\0-\x08\x0e-\x1f]/.test(text) ? text : null
  } catch {
    return null
  }
}

const latin1 = (bytes: Uint8Array, from: number, to: number) =>
  String.fromCharCode(...bytes.subarray(from, to))
