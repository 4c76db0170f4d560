import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { PageModule } from '../src/page/page.ts'

const WEB = fileURLToPath(new URL('.', import.meta.url))
const ROOT = join(WEB, '..')
/** For Deno and workerd, which have no bundler. */
const OUTPUT = join(ROOT, 'dist', 'page.js')

const TYPES: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  webmanifest: 'application/manifest+json',
}

/** Builds the page, which takes less than 100 ms. */
export async function buildPage(): Promise<PageModule> {
  const files = await build()
  const hash = new Bun.CryptoHasher('sha256').update(JSON.stringify(files)).digest('hex')
  return { hash: hash.slice(0, 16), files }
}

async function build(): Promise<PageModule['files']> {
  const { outputs } = await Bun.build({
    entrypoints: [join(WEB, 'main.tsx')],
    target: 'browser',
    minify: true,
    splitting: true,
    define: { 'process.env.NODE_ENV': '"production"' },
    naming: { entry: '[name]-[hash].[ext]', chunk: '[name]-[hash].[ext]', asset: '[name]-[hash].[ext]' },
    publicPath: '/assets/',
  })
  const assets = await Promise.all(
    outputs.map(async (output) => ({
      path: `assets/${output.path.replace(/^\.\//, '')}`,
      kind: output.kind,
      bytes: new Uint8Array(await output.arrayBuffer()),
    })),
  )
  const files: PageModule['files'] = { 'sw.js': packed('sw.js', await buildWorker()) }
  for (const { path, bytes } of assets) files[path] = packed(path, bytes)
  for (const name of await readdir(join(WEB, 'public'))) {
    files[name] = packed(name, await Bun.file(join(WEB, 'public', name)).bytes())
  }
  const script = assets.find(({ kind }) => kind === 'entry-point')?.path ?? ''
  const style = assets.find(({ path }) => path.endsWith('.css'))?.path ?? ''
  const html = (await Bun.file(join(WEB, 'index.html')).text())
    .replace('main.tsx', `/${script}`)
    .replace('main.css', `/${style}`)
  files['index.html'] = packed('index.html', new TextEncoder().encode(html))
  return files
}

/** Its name stays the same, because a browser keeps the worker that it knows. */
async function buildWorker(): Promise<Uint8Array> {
  const { outputs } = await Bun.build({
    entrypoints: [join(WEB, 'share', 'worker.ts')],
    target: 'browser',
    format: 'iife',
    minify: true,
  })
  return new Uint8Array((await outputs[0]?.arrayBuffer()) ?? [])
}

function packed(path: string, bytes: Uint8Array): PageModule['files'][string] {
  const type = TYPES[path.split('.').at(-1) ?? '']
  if (!type) throw new Error(`${path} has an extension that web/build.ts does not know`)
  return { type, gzip: gzipSync(bytes, { level: 9 }).toBase64() }
}

if (import.meta.main) {
  const page = await buildPage()
  await Bun.write(OUTPUT, `export default ${JSON.stringify(page)}`)
  for (const [path, { gzip }] of Object.entries(page.files)) {
    console.log(`${path}: ${Uint8Array.fromBase64(gzip).length} bytes compressed`)
  }
}
