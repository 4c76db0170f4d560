import { readdir, stat } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { isSameVersion, type Version } from './watch-state.ts'

/** A recording in a watched folder. `path` is absolute. */
export type WatchedFile = { path: string; label: string; filename: string; version: Version }

/** The extensions of recordings. Other files are not uploaded. */
const EXTENSIONS = new Set(
  (
    '3gp aac ac3 aif aiff amr ape au avi caf dts flac flv gsm loas m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpeg mpg mts oga ogg ' +
    'ogv opus spx ts tta vob wav webm wma wmv wv'
  )
    .split(' ')
    .map((extension) => `.${extension}`),
)

/** The recordings of a folder. Hidden files, which programs write while they download, are ignored. */
export async function listRecordings(folder: string): Promise<WatchedFile[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .filter((name) => EXTENSIONS.has(extname(name).toLowerCase()))
    .toSorted()
  const files = await Promise.all(names.map((name) => describe(folder, name)))
  return files.filter((file) => file !== null)
}

/** Null if the file is empty or was removed. */
async function describe(folder: string, filename: string): Promise<WatchedFile | null> {
  const label = join(folder, filename)
  const found = await stat(label).catch(() => null)
  if (!found || found.size === 0) return null
  const { size, mtimeMs } = found
  return { path: resolve(label), label, filename, version: { size, mtimeMs } }
}

/** Returns whether a file has not changed for `settleMs`. Call it for each scan. */
export function createSettled(settleMs: number): (file: WatchedFile) => boolean {
  const seen = new Map<string, { version: Version; since: number }>()
  return ({ path, version }) => {
    const earlier = seen.get(path)
    const now = performance.now()
    if (earlier && isSameVersion(earlier.version, version)) return now - earlier.since >= settleMs
    seen.set(path, { version, since: now })
    return false
  }
}
