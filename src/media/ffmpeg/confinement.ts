import type { FFmpegCore } from '@ffmpeg/core'
import createFFmpegCore from '@ffmpeg/core'
import { HEAP_CAP_BYTES } from './heap-cap.ts'
import { openInstance } from './instance.ts'

/**
 * Demuxers of recordings: of audio and video containers, and of formats of telephones and dictation machines.
 * None of them opens other files or URLs.
 */
export const FORMATS = (
  'wav w64 mp3 aac flac ogg aiff amr amrnb amrwb asf caf mpegts avi ac3 eac3 mov mp4 m4a 3gp 3g2 matroska webm ' +
  'flv live_flv mpeg au gsm wv loas tta dts dtshd ape mpc mpc8 tak shn mlp truehd dsf voc rm ivr nut mxf gxf ' +
  'wtv dv nsv xwma ircam nistsphere sox pvf ilbc qcp oma dss act iff'
).split(' ')

/** The first arguments of every run: only local files, only these containers. */
export const CONFINED = ['-v', 'error', '-protocol_whitelist', 'file', '-format_whitelist', FORMATS.join(',')]

const MAX_LOG_LINES = 200
const MAX_LINE_CHARS = 2_000

const REFUSED = -2
const NETWORK = [
  '___syscall_socket',
  '___syscall_connect',
  '___syscall_bind',
  '___syscall_listen',
  '___syscall_accept4',
  '___syscall_sendto',
  '___syscall_recvfrom',
  '_getaddrinfo',
  '_getnameinfo',
]
const GROW_HEAP = '_emscripten_resize_heap'

/** Removes the network functions from this Worker, and defines the browser globals that the core expects. */
export function confineGlobals(): void {
  for (const name of ['WebSocket', 'fetch', 'XMLHttpRequest', 'EventSource']) {
    Object.defineProperty(globalThis, name, { value: undefined })
  }
  if (!('location' in globalThis) || !globalThis.location) {
    Object.defineProperty(globalThis, 'location', { value: { href: 'file:///' } })
  }
}

let largestHeap = 0

/** The size to which the largest heap of this Worker's decoders has grown. */
export const largestHeapBytes = () => largestHeap

/** `lines`: the first 200 lines of the run's output, without those for which `onLine` has returned true. */
export type OpenCore = {
  core: FFmpegCore
  lines: { stdout: string[]; stderr: string[] }
  /** Empties `lines` for another run, whose lines `onLine` gets first. */
  listen(onLine: (line: string) => boolean): void
}

/** A new decoder. */
export async function openCore(module: WebAssembly.Module): Promise<OpenCore> {
  let onLine = (_line: string) => false
  const core = await createFFmpegCore({
    instantiateWasm(imports, done) {
      confineImports(imports)
      void openInstance(module, imports).then(done)
      return {}
    },
  })
  const lines = { stdout: [] as string[], stderr: [] as string[] }
  core.setLogger(({ type, message }) => {
    // The core reports its normal end in this way.
    if (onLine(message) || message === 'Aborted()') return
    if (lines[type].length < MAX_LOG_LINES) lines[type].push(message.slice(0, MAX_LINE_CHARS))
  })
  return {
    core,
    lines,
    listen(listener) {
      onLine = listener
      lines.stdout.length = lines.stderr.length = 0
    },
  }
}

function confineImports(imports: WebAssembly.Imports): void {
  const missing = new Set([...NETWORK, GROW_HEAP])
  for (const table of Object.values(imports)) {
    for (const [key, original] of Object.entries(table)) {
      if (typeof original !== 'function' || !missing.delete(original.name)) continue
      if (original.name === GROW_HEAP) {
        table[key] = (bytes: number) => {
          if (bytes >>> 0 > HEAP_CAP_BYTES) return 0
          largestHeap = Math.max(largestHeap, bytes >>> 0)
          return original(bytes)
        }
      } else {
        table[key] = () => REFUSED
      }
    }
  }
  // Another release of the core may use other names. No decoder is safer than an unconfined one.
  if (missing.size > 0) throw new Error(`the decoder cannot be confined: no ${[...missing].join(', ')}`)
}
