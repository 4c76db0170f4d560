import { expect, test } from 'bun:test'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { diskStorage } from '../../src/storage/disk.ts'
import { haltingStream, storageContract, streamOf } from '../contracts/storage.ts'
import { temporaryFolder } from '../support/recordings.ts'

const SILENCE = new Uint8Array(100)
const FILLER = fileURLToPath(new URL('./filler.ts', import.meta.url))

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
}

const parent = await mkdtemp(join(tmpdir(), 'verbatim-storage-'))
const root = join(parent, 'root')

storageContract({
  name: 'a folder',
  open: () => diskStorage({ root }),
  // The parent is looked at too: no key may lead out of the root.
  remains: async () => (await filesUnder(parent)).filter((file) => !file.startsWith('root/files/')),
  hasHalted: async () => {
    const incoming = join(root, 'incoming')
    const sizes = (await readdir(incoming)).map((name) => Bun.file(join(incoming, name)).size)
    // The last part is written when it is known to be one of several.
    return sizes.includes(9 * 2 ** 20)
  },
  close: () => rm(parent, { recursive: true, force: true }),
})

test('what a crash left half-written is removed by its age, not by that of the folder', async () => {
  await using folder = await temporaryFolder()
  const storage = await diskStorage({ root: folder.path })
  await storage.write('a/audio', streamOf(SILENCE))
  const left = join(folder.path, 'incoming', 'left')
  await writeFile(left, SILENCE)
  const dayAgo = new Date(Date.now() - 86_400_000)
  await utimes(left, dayAgo, dayAgo)
  const { stream, goOn } = haltingStream(SILENCE, 50)
  const writing = storage.write('b/audio', stream)
  while ((await filesUnder(folder.path)).length < 3) await Bun.sleep(2)
  expect(await storage.removeAbandoned(new Date(Date.now() - 3_600_000))).toBe(1)
  goOn()
  await writing
  expect((await filesUnder(folder.path)).toSorted()).toEqual(['files/a/audio', 'files/b/audio'])
})

test('a disk that fills up half-way is told as such, and what was there before stays', async () => {
  await using folder = await temporaryFolder()
  // No file may become larger than 1 MB: what is written past it fails as on a full disk.
  const limited = `trap '' XFSZ; ulimit -f 2000; exec "$0" "$@"`
  const child = Bun.spawn(['sh', '-c', limited, process.execPath, FILLER, folder.path], { stderr: 'inherit' })
  const said: unknown = JSON.parse(await new Response(child.stdout).text())
  expect(said).toEqual({ small: 'stored', write: 'storage_full' })
  expect((await filesUnder(folder.path)).toSorted()).toEqual(['files/full/audio'])
})
