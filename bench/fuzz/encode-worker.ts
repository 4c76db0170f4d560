import { confineGlobals, openCore } from '../../src/media/ffmpeg/confinement.ts'
import { exitStatusOf } from '../../src/media/ffmpeg/exit-status.ts'
import type { Sample } from './cases.ts'
import type { Recipe } from './formats.ts'

const SECONDS = '3'
const OUTPUT = '/output'

/** The main thread sends one order; the Worker answers it. */
export type EncodeOrder = { module: WebAssembly.Module; inputs: Sample[]; recipes: Recipe[] }
export type Encoded = { samples: Sample[]; failed: string[] }

confineGlobals()
addEventListener('message', async ({ data }: MessageEvent<EncodeOrder>) => postMessage(await encode(data)), {
  once: true,
})

async function encode({ module, inputs, recipes }: EncodeOrder): Promise<Encoded> {
  const encoded: Encoded = { samples: [], failed: [] }
  for (const recipe of recipes) {
    try {
      const files = inputs.filter(({ name }) => recipe.from.includes(name))
      encoded.samples.push({ name: recipe.name, bytes: await encodeOne(module, files, recipe) })
    } catch (error) {
      encoded.failed.push(`${recipe.name}: ${error instanceof Error ? error.message : error}`)
    }
  }
  return encoded
}

async function encodeOne(module: WebAssembly.Module, files: Sample[], { from, args }: Recipe) {
  const { core, lines } = await openCore(module)
  for (const { name, bytes } of files) core.FS.writeFile(`/${name}`, bytes)
  const inputs = from.flatMap((name) => ['-i', `/${name}`])
  const status = exitStatusOf(() =>
    core.exec('-v', 'error', ...inputs, '-t', SECONDS, '-bitexact', ...args, OUTPUT),
  )
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
