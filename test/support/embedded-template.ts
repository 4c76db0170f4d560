import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { MIGRATIONS } from '../../src/db/migrations.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { ROOT } from './sidecar-dir.ts'

const FOLDER = join(ROOT, 'node_modules', '.cache', 'verbatim', 'test-databases')

let template: Promise<Blob> | undefined

/**
 * A dump (tar) of an empty embedded database with all migrations. A new database takes PGlite seconds of CPU time, a copy a fraction, so all test processes and runs share one dump.
 */
export function embeddedTemplate(): Promise<Blob> {
  template ??= findOrMake().then(async (path) => new Blob([await Bun.file(path).bytes()]))
  return template
}

/** Fills the data directory of a service that has none yet. */
export async function copyEmbeddedTemplate(dataDir: string): Promise<void> {
  const folder = join(dataDir, 'postgres')
  await mkdir(folder, { recursive: true })
  await new Bun.Archive(await embeddedTemplate()).extract(folder)
}

/** Returns the path of the dump. */
async function findOrMake(): Promise<string> {
  const name = `${await digest()}.tar`
  const path = join(FOLDER, name)
  if (await Bun.file(path).exists()) return path
  await mkdir(FOLDER, { recursive: true })
  const { pglite, close } = await openPglite({})
  const dump = await pglite.dumpDataDir('none')
  await close()
  // Other processes may make one at the same time.
  const own = `${path}.${process.pid}`
  await Bun.write(own, dump)
  await rename(own, path)
  for (const other of await readdir(FOLDER)) {
    if (other.endsWith('.tar') && other !== name) await rm(join(FOLDER, other), { force: true })
  }
  return path
}

/** Identifies the migrations and the version of PGlite. */
async function digest(): Promise<string> {
  const hash = new Bun.CryptoHasher('sha256').update(manifest.dependencies['@electric-sql/pglite'])
  for (const name of (await readdir(MIGRATIONS, { recursive: true })).toSorted()) {
    hash.update(`\n${name}\n`)
    if (/\.(sql|json)$/.test(name)) hash.update(await Bun.file(join(MIGRATIONS, name)).bytes())
  }
  return hash.digest('hex').slice(0, 16)
}
