// encode.ts starts this Worker, since the decoder removes globals that the tests need.
import { confineGlobals, openCore } from '../../src/media/ffmpeg/confinement.ts'
import { exitStatusOf } from '../../src/media/ffmpeg/exit-status.ts'
import type { Encoded, EncodeOrder, Recording } from './encode.ts'

const OUTPUT = '/output'

confineGlobals()
addEventListener('message', async ({ data }: MessageEvent<EncodeOrder>) => postMessage(await encode(data)), {
  once: true,
})

async function encode({ module, recordings }: EncodeOrder): Promise<Encoded> {
  const encoded: Encoded = { files: [], failed: [] }
  for (const recording of recordings) {
    try {
      encoded.files.push({ name: recording.name, bytes: await encodeOne(module, recording) })
    } catch (error) {
      encoded.failed.push(`${recording.name}: ${error instanceof Error ? error.message : error}`)
    }
  }
  return encoded
}

async function encodeOne(module: WebAssembly.Module, { from, args }: Recording) {
  const { core, lines } = await openCore(module)
  for (const [index, bytes] of from.entries()) core.FS.writeFile(`/input${index}`, bytes)
  const inputs = from.flatMap((_, index) => ['-i', `/input${index}`])
  const status = exitStatusOf(() => core.exec('-v', 'error', ...inputs, '-bitexact', ...args, OUTPUT))
  if (status !== 0) throw new Error(lines.stderr.at(-1) ?? `exit status ${status}`)
  return readFile(core.FS, OUTPUT)
}

/** The service never reads a file from the decoder, so the types of its file system lack `readFile`. */
function readFile(fs: object, path: string): Uint8Array<ArrayBuffer> {
  const read = 'readFile' in fs ? fs.readFile : undefined
  if (typeof read !== 'function') throw new Error('the file system has no readFile')
  const bytes: unknown = read.call(fs, path)
  if (!(bytes instanceof Uint8Array)) throw new Error('readFile returned no bytes')
  return new Uint8Array(bytes)
}
