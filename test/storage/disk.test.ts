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
  // Lists the parent too, since no key may lead out of the root.
  remains: async () => (await filesUnder(parent)).filter((file) => !file.startsWith('root/files/')),
  hasHalted: async () => {
    const incoming = join(root, 'incoming')
    const sizes = (await readdir(incoming)).map((name) => Bun.file(join(incoming, name)).size)
    // The tenth MiB is written once more bytes follow.
    return sizes.includes(9 * 2 ** 20)
  },
  close: () => rm(parent, { recursive: true, force: true }),
})

test('removeAbandoned removes old partial files and keeps those of a running write', async () => {
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

test('a disk that becomes full during a write throws storage_full, and older files stay', async () => {
  await using folder = await temporaryFolder()
  // Limits files to 1 MB: writes beyond that fail as on a full disk.
  const limited = `trap '' XFSZ; ulimit -f 2000; exec "$0" "$@"`
  const child = Bun.spawn(['sh', '-c', limited, process.execPath, FILLER, folder.path], { stderr: 'inherit' })
  const output: unknown = JSON.parse(await new Response(child.stdout).text())
  expect(output).toEqual({ small: 'stored', write: 'storage_full' })
  expect((await filesUnder(folder.path)).toSorted()).toEqual(['files/full/audio'])
})
