import { access, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { meter } from './digest.ts'
import { isMissing, orIfMissing } from './file-errors.ts'
import { checkedKey, notStored } from './key.ts'
import { FILE_MODE, FOLDER_MODE, makePrivate } from './private-folder.ts'
import { openFreeSpace } from './room.ts'
import type { Storage, StoredKey } from './storage.ts'
import { fill, openTempFiles } from './temp-files.ts'

/** Some write-ahead log of the embedded database, and of Postgres where it is on the same disk. */
const RESERVE_BYTES = 128 * 2 ** 20

/**
 * A folder. Files are written aside in `incoming`, synced, then renamed into place in `files`, so both must be on
 * one file system. Of the disk, `reserveBytes` stay free, and `uploadReserveBytes` of what is not needed by uploads that were
 * accepted: `write` throws `storage_full` instead.
 */
export async function diskStorage({
  root,
  reserveBytes = RESERVE_BYTES,
  uploadReserveBytes = reserveBytes,
}: {
  root: string
  reserveBytes?: number
  uploadReserveBytes?: number
}): Promise<Storage> {
  await makePrivate(join(root, 'files'))
  const aside = await openTempFiles(join(root, 'incoming'))
  const room = openFreeSpace({ folder: root, reserveBytes })
  const uploadRoom = openFreeSpace({ folder: root, reserveBytes: Math.max(reserveBytes, uploadReserveBytes) })
  const pathOf = (key: string) => join(root, 'files', checkedKey(key))

  async function existing(key: string): Promise<string> {
    const path = pathOf(key)
    if ((await sizeOf(path)) === null) throw notStored(key)
    return path
  }

  return {
    async write(key, body, { mayUseReserve = false } = {}) {
      const path = pathOf(key)
      return aside.within(async (written) => {
        const { take, measured } = meter()
        await fill({ path: written, chunks: (mayUseReserve ? room : uploadRoom).within(body), beside: take })
        // Once it stands under its key it outlasts a power cut.
        await sync(written)
        await moveInto(written, path)
        return measured()
      })
    },

    async read(key, range) {
      const file = Bun.file(await existing(key))
      return (range ? file.slice(range.start, range.end) : file).stream()
    },

    async check() {
      await uploadRoom.check()
      await aside.within((path) => writeFile(path, 'probe', { mode: FILE_MODE }))
    },

    async size(key) {
      return sizeOf(pathOf(key))
    },

    async *list(prefix) {
      yield* keysBelow(pathOf(prefix), prefix)
    },

    async remove(prefix) {
      await rm(pathOf(prefix), { recursive: true, force: true })
    },

    removeAbandoned: (before) => aside.removeBefore(before),

    async withFile(key, use) {
      return use(await existing(key))
    },

    async withEnds(key, use) {
      return use(await existing(key), true)
    },
  }
}

/** What is removed again as soon as it is there need not outlast a power cut. */
async function moveInto(from: string, path: string) {
  const folder = dirname(path)
  const firstMade = await renameInto(from, path)
  await sync(folder).catch(orIfMissing(undefined))
  // A new folder's name is its parent's to keep.
  for (let made = folder; firstMade && made.length >= firstMade.length; made = dirname(made)) {
    await sync(dirname(made)).catch(orIfMissing(undefined))
  }
}

/** A folder that is removed in the same moment is made again. Gives the first of the folders that it made. */
async function renameInto(from: string, path: string): Promise<string | undefined> {
  for (;;) {
    try {
      const firstMade = await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE })
      await rename(from, path)
      return firstMade
    } catch (error) {
      if (!isMissing(error)) throw error
      await access(from)
    }
  }
}

async function sync(path: string) {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function* keysBelow(folder: string, prefix: string): AsyncGenerator<StoredKey> {
  // Others may be removing what is listed here.
  for (const name of await readdir(folder).catch(orIfMissing([]))) {
    const path = join(folder, name)
    const key = `${prefix}/${name}`
    const entry = await stat(path).catch(orIfMissing(null))
    if (entry?.isDirectory()) yield* keysBelow(path, key)
    else if (entry?.isFile()) yield { key, modifiedAt: entry.mtime }
  }
}

/** Null where there is no file: a folder is the start of other keys, and no key itself. */
async function sizeOf(path: string): Promise<number | null> {
  const file = await stat(path).catch(orIfMissing(null))
  return file?.isFile() ? file.size : null
}
