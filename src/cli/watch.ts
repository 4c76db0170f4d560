import { mkdir, readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, isTemporary, Refused, UsageError } from './failure.ts'
import { extensionOf, parseFormats } from './formats.ts'
import { baseNames, exists, type Output } from './outputs.ts'
import type { Session } from './session.ts'
import {
  createJob,
  endInterrupted,
  type Job,
  type JobOptions,
  reportFailure,
  transcribeOne,
} from './transcribe.ts'
import { isSameVersion, openWatchState, type Version } from './watch-state.ts'

/** Other files are not uploaded. */
const MEDIA = new Set(
  [
    '.3gp',
    '.aac',
    '.ac3',
    '.aif',
    '.aiff',
    '.amr',
    '.ape',
    '.au',
    '.avi',
    '.caf',
    '.dts',
    '.flac',
    '.flv',
  ].concat(
    [
      '.gsm',
      '.loas',
      '.m4a',
      '.m4b',
      '.m4v',
      '.mka',
      '.mkv',
      '.mov',
      '.mp2',
      '.mp3',
      '.mp4',
      '.mpeg',
      '.mpg',
    ],
    [
      '.mts',
      '.oga',
      '.ogg',
      '.ogv',
      '.opus',
      '.spx',
      '.ts',
      '.tta',
      '.vob',
      '.wav',
      '.webm',
      '.wma',
      '.wmv',
      '.wv',
    ],
  ),
)
const MAX_SCAN_MS = 2_000
/** After an error that may pass, such as a full quota. */
const RETRY_MS = 60_000
/** Codes of errors that the same file can escape later. */
const PASSING = new Set([
  'storage_quota_reached',
  'audio_limit_reached',
  'storage_full',
  'internal',
  'output',
])

type WatchOptions = JobOptions & {
  folder: string
  /** How long a file must not change before it is uploaded. */
  settleMs: number
  parallel: number
}

type Seen = Version & { since: number }

/** Transcribes the recordings of a folder once, and those that appear, until the signal aborts. */
export async function watch(session: Session, options: WatchOptions): Promise<never> {
  const { folder, settleMs, parallel } = options
  const { signal, reporter } = session
  await requireFolder(folder)
  const target = options.output.output ?? folder
  await mkdir(target, { recursive: true })
  const state = await openWatchState(target)
  const seen = new Map<string, Seen>()
  const retryAt = new Map<string, number>()
  const running = new Map<string, { job: Job; ended: Promise<void> }>()
  let fatal: unknown

  async function run(name: string, version: Version, job: Job) {
    const remember = (entry: { state: 'accepted' | 'done' | 'failed'; error?: string }) =>
      state.set(name, { size: version.size, mtimeMs: version.mtimeMs, id: job.id, ...entry })
    try {
      await transcribeOne(session, job, { ...options, onAccepted: () => remember({ state: 'accepted' }) })
      await remember({ state: 'done' })
    } catch (error) {
      if (signal.aborted) return
      reportFailure(session, job, error)
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) fatal = error
      else if (isPassing(error)) retryAt.set(name, performance.now() + RETRY_MS)
      else await remember({ state: 'failed', error: error instanceof Error ? error.message : String(error) })
    } finally {
      if (!signal.aborted) running.delete(name)
    }
  }

  async function scan() {
    const files = await listMedia(folder)
    const bases = baseNames(files)
    for (const [index, file] of files.entries()) {
      const { filename: name } = file
      if (running.has(name) || running.size >= parallel || !isSettled(file)) continue
      if ((retryAt.get(name) ?? 0) > performance.now()) continue
      const known = state.find(name)
      const entry = known && isSameVersion(known, file) ? known : undefined
      if (entry && entry.state !== 'accepted') continue
      const outputs = outputsOf({ base: bases[index] ?? name, target, format: options.output.format })
      if (!entry && !options.output.force && (await allExist(outputs))) {
        await state.set(name, { size: file.size, mtimeMs: file.mtimeMs, state: 'done', id: null })
        continue
      }
      const job = createJob({ kind: 'file', label: join(folder, name), filename: name }, outputs)
      job.id = entry?.id ?? null
      const ended = run(name, file, job)
      running.set(name, { job, ended })
    }
  }

  function isSettled({ filename, size, mtimeMs }: Version & { filename: string }): boolean {
    const earlier = seen.get(filename)
    const now = performance.now()
    if (earlier && isSameVersion(earlier, { size, mtimeMs })) return now - earlier.since >= settleMs
    seen.set(filename, { size, mtimeMs, since: now })
    return false
  }

  reporter.report({ event: 'watching', source: folder })
  while (!signal.aborted) {
    await scan()
    if (fatal) throw fatal
    await sleep(Math.min(MAX_SCAN_MS, settleMs / 2), undefined, { signal }).catch(() => {})
  }
  await Promise.all([...running.values()].map(({ ended }) => ended))
  const jobs = [...running.values()].map(({ job }) => job)
  return endInterrupted(session, jobs, { isCanceled: session.isLocal, resume: resumeOf })
}

const resumeOf = ({ id }: Job) =>
  id === null
    ? 'the next "verbatim watch" of the folder resumes the upload'
    : 'the transcription continues on the server; the next "verbatim watch" of the folder gets it'

function isPassing(error: unknown): boolean {
  return isTemporary(error) || !(error instanceof Failure) || PASSING.has(error.code)
}

async function requireFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null)
  if (!found?.isDirectory()) throw new UsageError(`${folder} is not a folder`)
}

/** The recordings of a folder. Hidden files, which programs write while they download, are ignored. */
async function listMedia(folder: string): Promise<(Version & { filename: string })[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .filter((name) => MEDIA.has(extname(name).toLowerCase()))
    .toSorted()
  const files = await Promise.all(
    names.map(async (filename) => {
      const found = await stat(join(folder, filename)).catch(() => null)
      return found && found.size > 0 ? [{ filename, size: found.size, mtimeMs: found.mtimeMs }] : []
    }),
  )
  return files.flat()
}

function outputsOf({
  base,
  target,
  format = 'txt',
}: {
  base: string
  target: string
  format: string | undefined
}): (Output & { path: string })[] {
  return parseFormats(format).map((format) => ({
    format,
    path: join(target, `${base}${extensionOf(format)}`),
  }))
}

async function allExist(outputs: { path: string }[]): Promise<boolean> {
  return (await Promise.all(outputs.map(({ path }) => exists(path)))).every(Boolean)
}
