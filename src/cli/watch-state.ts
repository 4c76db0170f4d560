import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from './failure.ts'

/** By which a file is recognised as unchanged. */
export type Version = { size: number; mtimeMs: number }

/**
 * What became of a version of a recording: the server has it (`accepted`), its transcripts are written (`done`), or
 * it was refused for good (`failed`). `id` is null if its transcripts existed before, or without a transcription.
 */
type Entry = { version: Version; state: 'accepted' | 'done' | 'failed'; id: string | null; error?: string }

export type WatchState = Awaited<ReturnType<typeof openWatchState>>

const NAME = '.verbatim-watch.json'

export const isSameVersion = (a: Version, b: Version) => a.size === b.size && a.mtimeMs === b.mtimeMs

/** Remembers recordings, by their absolute paths, in a file of the folder that receives the transcripts. */
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
    find: (recording: string) => entries.get(recording),

    /** Null forgets the recording. */
    set(recording: string, entry: Entry | null): Promise<void> {
      if (entry) entries.set(recording, entry)
      else entries.delete(recording)
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
