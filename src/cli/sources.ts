import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Failure } from './failure.ts'

/** A recording: a file, a URL from which the server downloads it, or the standard input. */
export type Source = {
  kind: 'file' | 'url' | 'stdin'
  /** As the user named it. */
  label: string
  /** The name that the server stores. */
  filename: string
}

export function parseSource(text: string): Source {
  if (text === '-') return { kind: 'stdin', label: '-', filename: 'stdin' }
  if (/^https?:\/\//i.test(text)) return { kind: 'url', label: text, filename: nameInUrl(text) }
  return { kind: 'file', label: text, filename: basename(text) }
}

function nameInUrl(text: string): string {
  const last = URL.parse(text)?.pathname.split('/').findLast(Boolean) ?? ''
  try {
    // A decoded name can contain slashes.
    return basename(decodeURIComponent(last)) || 'audio'
  } catch {
    return last
  }
}

/** A file to upload. The standard input is stored in a temporary file, because an upload states its size first. */
export async function openSource(
  { kind, label }: Source,
  { signal }: { signal: AbortSignal },
): Promise<AsyncDisposable & { path: string }> {
  if (kind === 'file') {
    await requireFile(label)
    return { path: label, async [Symbol.asyncDispose]() {} }
  }
  const folder = await mkdtemp(join(tmpdir(), 'verbatim-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  const path = join(folder, 'stdin')
  try {
    await pipeline(process.stdin, createWriteStream(path, { mode: 0o600 }), { signal })
  } catch (error) {
    await remove()
    throw error
  }
  return { path, [Symbol.asyncDispose]: remove }
}

async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch((error) => {
    const reason = error.code === 'ENOENT' ? 'there is no such file' : error.message
    throw new Failure('file_missing', `Cannot read ${path}: ${reason}`)
  })
  if (!found.isFile()) {
    const cure = found.isDirectory() ? ': name its files, or use "verbatim watch"' : ''
    throw new Failure('file_missing', `${path} is not a file${cure}`)
  }
}
