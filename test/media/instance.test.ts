import { afterAll, beforeAll, expect, test } from 'bun:test'
import { open, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { compileCore } from '../../src/media/ffmpeg/compiled-core.ts'
import { type OpenCore, openCore } from '../../src/media/ffmpeg/confinement.ts'
import { decode, openInput } from '../../src/media/ffmpeg/decode.ts'
import { keepInstance } from '../../src/media/ffmpeg/instance.ts'
import { fixture } from '../support/recordings.ts'

let module: WebAssembly.Module
beforeAll(async () => {
  // The decoder runs in Workers otherwise, which define it.
  Reflect.set(globalThis, 'location', { href: 'file:///' })
  module = await compileCore()
})
afterAll(() => Reflect.deleteProperty(globalThis, 'location'))

const heapOf = ({ core }: OpenCore): Uint8Array => Reflect.get(core, 'HEAPU8')

async function decoded(name: string): Promise<{ pcm: Uint8Array; heap: ArrayBufferLike }> {
  const file = await open(fixture(name))
  try {
    const { size } = await file.stat()
    const opened = await openInput({ module, input: { fd: file.fd, size }, track: null })
    const pieces: Uint8Array[] = []
    await decode(opened, { maxSeconds: 60, channel: null, onPiece: ({ pcm }) => void pieces.push(pcm) })
    return { pcm: Buffer.concat(pieces), heap: heapOf(opened.probing).buffer }
  } finally {
    await file.close()
  }
}

test('an instance that is used again has no byte of the file before, and decodes as a new one', async () => {
  const alone = await decoded('speech.mp3')
  const first = await openCore(module)
  const untouched = heapOf(first).slice()
  heapOf(first).fill(0xab)
  keepInstance()
  const second = await openCore(module)
  expect(heapOf(second).buffer).toBe(heapOf(first).buffer)
  expect(Buffer.compare(heapOf(second), untouched)).toBe(0)
  for (const name of ['speech.webm', 'speech.mp4', 'speech.mp3']) {
    keepInstance()
    const { pcm, heap } = await decoded(name)
    expect(heap).toBe(heapOf(first).buffer)
    if (name === 'speech.mp3') expect(Buffer.compare(pcm, alone.pcm)).toBe(0)
  }
})

test('an instance that was not kept, or whose memory has grown, is not used again', async () => {
  const first = await openCore(module)
  const second = await openCore(module)
  expect(heapOf(second).buffer).not.toBe(heapOf(first).buffer)
  const memory: WebAssembly.Memory = Reflect.get(Reflect.get(second.core, 'asm'), 'ra')
  memory.grow(1)
  keepInstance()
  const third = await openCore(module)
  expect(heapOf(third).length).toBe(memory.buffer.byteLength - 65_536)
})

const GLOBALS = 6

/** The LEB128 number at `at`, and the position after it. */
function numberAt(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] ?? 0
    value += (byte & 127) * 2 ** shift
    if (byte < 128) return [value, at]
  }
}

test('the decoder has no more globals than its stack pointer and a register', async () => {
  const bytes = await readFile(fileURLToPath(import.meta.resolve('@ffmpeg/core/wasm')))
  let at = 8
  while (bytes[at] !== GLOBALS) {
    const [size, start] = numberAt(bytes, at + 1)
    at = start + size
  }
  const [, start] = numberAt(bytes, at + 1)
  expect(numberAt(bytes, start)[0]).toBe(2)
})
