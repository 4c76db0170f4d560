import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from './failure.ts'

/** One version of a file. */
export type Version = { size: number; mtimeMs: number }

/** What became of a version: on the server with this id, done, or refused for good. */
export type Entry = Version & { state: 'accepted' | 'done' | 'failed'; id: string | null; error?: string }

const NAME = '.verbatim-watch.json'

export const isSameVersion = (a: Version, b: Version) => a.size === b.size && a.mtimeMs === b.mtimeMs

/** Remembers the files of a watched folder in a file of the folder that receives the transcripts. */
export async function openWatchState(folder: string) {
  const path = join(folder, NAME)
  const entries = await readEntries(path)
  let writing = Promise.resolve()

  async function save() {
    const temporary = `${path}.${process.pid}`
    await writeFile(temporary, `${JSON.stringify({ files: Object.fromEntries(entries) }, null, 2)}\n`)
    await rename(temporary, path)
  }

  return {
    find: (name: string) => entries.get(name),

    set(name: string, entry: Entry): Promise<void> {
      entries.set(name, entry)
      writing = writing.then(save)
      return writing
    },
  }
}

async function readEntries(path: string): Promise<Map<string, Entry>> {
  const text = await readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return null
    throw new Failure('watch_state', `Cannot read ${path}: ${error.message}`)
  })
  if (text === null) return new Map()
  try {
    const { files }: { files: Record<string, Entry> } = JSON.parse(text)
    return new Map(Object.entries(files))
  } catch {
    throw new Failure('watch_state', `${path} is not valid: delete it to transcribe all files again`)
  }
}
