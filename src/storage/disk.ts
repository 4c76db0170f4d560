import { access, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createDigest } from './digest.ts'
import { isMissing, orIfMissing } from './file-errors.ts'
import { openFreeSpace } from './free-space.ts'
import { keyNotFound, validKey } from './key.ts'
import { FILE_MODE, FOLDER_MODE, makePrivate } from './private-folder.ts'
import type { Storage, StoredKey } from './storage.ts'
import { openTempFiles, writeChunks } from './temp-files.ts'

/** Room for some write-ahead log of the embedded database, or of Postgres if it is on the same disk. */
const RESERVE_BYTES = 128 * 2 ** 20

/**
 * Storage in a folder. Files are written in `incoming`, synced, then renamed into `files`, so both must be on
 * one file system. `reserveBytes` of the disk stay free for all writes, `uploadReserveBytes` for uploads: a
 * write that would need them throws `storage_full`.
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
  const tempFiles = await openTempFiles(join(root, 'incoming'))
  const freeSpace = openFreeSpace({ folder: root, reserveBytes })
  const uploadSpace = openFreeSpace({
    folder: root,
    reserveBytes: Math.max(reserveBytes, uploadReserveBytes),
  })
  const pathOf = (key: string) => join(root, 'files', validKey(key))

  async function existingPath(key: string): Promise<string> {
    const path = pathOf(key)
    if ((await sizeOf(path)) === null) throw keyNotFound(key)
    return path
  }

  return {
    async write(key, body, { mayUseReserve = false, onChunk } = {}) {
      const path = pathOf(key)
      return tempFiles.within(async (tempPath) => {
        const { update, result } = createDigest()
        const beforeWrite = (mayUseReserve ? freeSpace : uploadSpace).openCheck()
        await writeChunks({ path: tempPath, chunks: body, onChunk, beforeWrite, whileWriting: update })
        // A file must survive a power cut once it is visible under its key.
        await sync(tempPath)
        await moveInto(tempPath, path)
        return result()
      })
    },

    async read(key, range) {
      const file = Bun.file(await existingPath(key))
      return (range ? file.slice(range.start, range.end) : file).stream()
    },

    async check() {
      await uploadSpace.check()
      await tempFiles.within((path) => writeFile(path, 'probe', { mode: FILE_MODE }))
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

    removeAbandoned: (before) => tempFiles.removeBefore(before),

    async withFile(key, use) {
      return use(await existingPath(key))
    },

    async withEnds(key, use) {
      return use(await existingPath(key), true)
    },
  }
}

/** Renames a file and syncs the folders. A file that is removed right away need not survive a power cut. */
async function moveInto(from: string, path: string) {
  const folder = dirname(path)
  const firstCreated = await renameInto(from, path)
  await sync(folder).catch(orIfMissing(undefined))
  // The name of a new folder is stored in its parent.
  for (
    let created = folder;
    firstCreated && created.length >= firstCreated.length;
    created = dirname(created)
  ) {
    await sync(dirname(created)).catch(orIfMissing(undefined))
  }
}

/** Creates the folder again if it is removed at the same time. Returns the topmost folder that it created. */
async function renameInto(from: string, path: string): Promise<string | undefined> {
  for (;;) {
    try {
      const firstCreated = await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE })
      await rename(from, path)
      return firstCreated
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
  // Files and folders may be removed while they are listed.
  for (const name of await readdir(folder).catch(orIfMissing([]))) {
    const path = join(folder, name)
    const key = `${prefix}/${name}`
    const entry = await stat(path).catch(orIfMissing(null))
    if (entry?.isDirectory()) yield* keysBelow(path, key)
    else if (entry?.isFile()) yield { key, modifiedAt: entry.mtime }
  }
}

/** Size in bytes; null if there is no file. A folder is only a prefix of keys, not a key. */
async function sizeOf(path: string): Promise<number | null> {
  const file = await stat(path).catch(orIfMissing(null))
  return file?.isFile() ? file.size : null
}
