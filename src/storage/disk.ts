import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { VerbatimError } from '../errors.ts'
import type { Storage } from './storage.ts'

const KEY = /^[a-z0-9-]+(\/[a-z0-9-]+)*$/

/**
 * A folder. Files are written aside in `incoming`, synced, then renamed into place; what a crash left there is
 * removed when the folder is opened, so only one process may have it open.
 */
export async function diskStorage({ root }: { root: string }): Promise<Storage> {
  const incoming = join(root, 'incoming')
  await rm(incoming, { recursive: true, force: true })
  await mkdir(incoming, { recursive: true })

  const pathOf = (key: string) => {
    if (!KEY.test(key)) throw new TypeError(`not a storage key: ${key}`)
    return join(root, 'files', key)
  }

  async function existing(key: string): Promise<string> {
    const path = pathOf(key)
    if ((await sizeOf(path)) === null) throw new VerbatimError('not_found', `Nothing is stored under ${key}`)
    return path
  }

  /** Runs `make` with a path aside; what it leaves there then stands under `key`, and outlasts a power cut. */
  async function put<T>(key: string, make: (path: string) => Promise<T>): Promise<T> {
    const path = pathOf(key)
    const aside = join(incoming, randomUUID())
    try {
      const made = await make(aside)
      await sync(aside)
      await mkdir(dirname(path), { recursive: true })
      await rename(aside, path)
      await sync(dirname(path))
      return made
    } catch (error) {
      await rm(aside, { force: true })
      throw isFull(error)
        ? new VerbatimError('storage_full', 'There is no room left to store the audio')
        : error
    }
  }

  return {
    write: (key, body) => put(key, (path) => drainTo(path, body)),
    fromFile: put,

    async read(key, range) {
      const file = Bun.file(await existing(key))
      return (range ? file.slice(range.start, range.end) : file).stream()
    },

    async size(key) {
      return sizeOf(pathOf(key))
    },

    async list(prefix) {
      return readdir(pathOf(prefix)).catch(orIfMissing([]))
    },

    async remove(prefix) {
      await rm(pathOf(prefix), { recursive: true, force: true })
    },

    async withFile(key, use) {
      return use(await existing(key))
    },
  }
}

async function drainTo(path: string, body: ReadableStream<Uint8Array>) {
  const file = await open(path, 'wx')
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of body) {
      hash.update(chunk)
      bytes += chunk.length
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten
    }
  } finally {
    await file.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function sync(path: string) {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Null where there is no file: a folder is the start of other keys, and no key itself. */
async function sizeOf(path: string): Promise<number | null> {
  const found = await stat(path).catch(orIfMissing(null))
  return found?.isFile() ? found.size : null
}

/** What cannot be read, on a failing disk say, is not missing. */
function orIfMissing<T>(value: T) {
  return (error: unknown): T => {
    if (isError(error, 'ENOENT', 'ENOTDIR')) return value
    throw error
  }
}

function isFull(error: unknown): boolean {
  return isError(error, 'ENOSPC', 'EDQUOT')
}

function isError(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code)
}
