import { expect, test } from 'bun:test'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { diskStorage } from '../../src/storage/disk.ts'
import { storageContract, streamOf } from '../contracts/storage.ts'
import { temporaryFolder } from '../media/recordings.ts'

const SILENCE = new Uint8Array(100)

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
  close: () => rm(parent, { recursive: true, force: true }),
})

test('what a crash left half-written is gone when the folder is opened again', async () => {
  await using folder = await temporaryFolder()
  const before = await diskStorage({ root: folder.path })
  await before.write('a/audio', streamOf(SILENCE))
  const hold = Promise.withResolvers<never>()
  const crashed = before.write('b/audio', new ReadableStream({ pull: () => hold.promise }))
  while ((await filesUnder(folder.path)).length < 2) await Bun.sleep(2)
  const after = await diskStorage({ root: folder.path })
  expect(await filesUnder(folder.path)).toEqual(['files/a/audio'])
  await after.write('b/audio', streamOf(SILENCE))
  expect(await after.list('b')).toEqual(['audio'])
  hold.reject(new Error('over'))
  await expect(crashed).rejects.toThrow('over')
})

test('a full disk is told as such, and nothing stays', async () => {
  await using folder = await temporaryFolder()
  const storage = await diskStorage({ root: folder.path })
  const making = storage.fromFile('a/pcm', () => writeFile('/dev/full', SILENCE))
  expect(await making.catch((error: unknown) => error)).toMatchObject({ code: 'storage_full' })
  expect(await filesUnder(folder.path)).toEqual([])
})
