import { confineGlobals, openCore } from '../../src/media/ffmpeg/confinement.ts'
import { exitStatusOf } from '../../src/media/ffmpeg/exit-status.ts'
import type { Sample } from './case.ts'
import type { Recipe } from './formats.ts'

const SECONDS = '3'
const OUTPUT = '/made'

/** Main thread → Worker, once. */
export type Order = { module: WebAssembly.Module; inputs: Sample[]; recipes: Recipe[] }
export type Made = { samples: Sample[]; failed: string[] }

confineGlobals()
addEventListener('message', async ({ data }: MessageEvent<Order>) => postMessage(await makeAll(data)), {
  once: true,
})

async function makeAll({ module, inputs, recipes }: Order): Promise<Made> {
  const made: Made = { samples: [], failed: [] }
  for (const recipe of recipes) {
    try {
      const files = inputs.filter(({ name }) => recipe.from.includes(name))
      made.samples.push({ name: recipe.name, bytes: await make(module, files, recipe) })
    } catch (error) {
      made.failed.push(`${recipe.name}: ${error instanceof Error ? error.message : error}`)
    }
  }
  return made
}

async function make(module: WebAssembly.Module, files: Sample[], { from, args }: Recipe) {
  const { core, lines } = await openCore(module)
  for (const { name, bytes } of files) core.FS.writeFile(`/${name}`, bytes)
  const inputs = from.flatMap((name) => ['-i', `/${name}`])
  const status = exitStatusOf(() =>
    core.exec('-v', 'error', ...inputs, '-t', SECONDS, '-bitexact', ...args, OUTPUT),
  )
  if (status !== 0) throw new Error(lines.stderr.at(-1) ?? `exit status ${status}`)
  return contentOf(core.FS, OUTPUT)
}

/** The service never reads a file back from the decoder, so its types know no such function. */
function contentOf(fs: object, path: string): Uint8Array<ArrayBuffer> {
  const readFile = 'readFile' in fs ? fs.readFile : undefined
  if (typeof readFile !== 'function') throw new Error('the decoder gives no file back')
  const bytes: unknown = readFile.call(fs, path)
  if (!(bytes instanceof Uint8Array)) throw new Error('the decoder gives no bytes back')
  return new Uint8Array(bytes)
}
