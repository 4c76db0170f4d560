import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, isTemporary, Refused, UsageError } from './failure.ts'
import { extensionOf, type Format, parseFormats } from './formats.ts'
import { baseNames, exists } from './outputs.ts'
import type { Session } from './session.ts'
import {
  createJob,
  endInterrupted,
  type Job,
  type JobOptions,
  reportFailure,
  transcribeOne,
} from './transcribe.ts'
import { isSameVersion, openWatchState, type WatchState } from './watch-state.ts'
import { createSettled, listRecordings, type WatchedFile } from './watched-files.ts'

const MAX_SCAN_MS = 2_000
/** After an error that can pass, such as a full quota. */
const RETRY_MS = 60_000
/** Codes of errors that the same recording can escape later. */
const PASSING = ['storage_quota_reached', 'audio_limit_reached', 'storage_full', 'internal', 'output']

type WatchOptions = JobOptions & {
  folder: string
  /** How long a file must not change before it is uploaded. */
  settleMs: number
  parallel: number
}

/** Transcribes the recordings of a folder once, and those that appear, until the signal aborts. */
export async function watch(session: Session, options: WatchOptions): Promise<never> {
  const { folder, settleMs, parallel } = options
  const { signal, reporter } = session
  await requireFolder(folder)
  const target = options.output.output ?? folder
  const formats = parseFormats(options.output.format ?? 'txt')
  await mkdir(target, { recursive: true })
  const state = await openWatchState(target)
  const isSettled = createSettled(settleMs)
  const retryAt = new Map<string, number>()
  const running = new Map<string, { job: Job; ended: Promise<void> }>()
  let fatal: unknown

  async function run(file: WatchedFile, job: Job) {
    try {
      await transcribeFile(session, { file, job, state, options })
    } catch (error) {
      if (signal.aborted) return
      if (isFatal(error)) fatal = error
      retryAt.set(file.path, performance.now() + RETRY_MS)
    }
    if (!signal.aborted) running.delete(file.path)
  }

  async function scan() {
    const files = await listRecordings(folder)
    const bases = baseNames(files)
    for (const [index, file] of files.entries()) {
      const isWaiting = isSettled(file) && (retryAt.get(file.path) ?? 0) <= performance.now()
      if (!isWaiting || running.has(file.path) || running.size >= parallel) continue
      const outputs = outputsOf(join(target, bases[index] ?? file.filename), formats)
      const job = await findJob(file, { outputs, state, options })
      if (job) running.set(file.path, { job, ended: run(file, job) })
    }
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

type FileOutput = { format: Format; path: string }

/** What is left to do for a file; null if nothing is. */
async function findJob(
  { path, label, filename, version }: WatchedFile,
  { outputs, state, options }: { outputs: FileOutput[]; state: WatchState; options: WatchOptions },
): Promise<Job | null> {
  const known = state.find(path)
  const isKnown = known !== undefined && isSameVersion(known.version, version)
  if (isKnown && known.state !== 'accepted') return null
  const job = createJob({ kind: 'file', label, filename }, outputs)
  if (isKnown) return { ...job, id: known.id }
  // Transcripts that this command did not write stay.
  if (known || options.output.force || !(await allExist(outputs))) return job
  await state.set(path, { version, state: 'done', id: null })
  return null
}

/** Transcribes a file and remembers how that ended. Throws an error that can pass. */
async function transcribeFile(
  session: Session,
  { file, job, state, options }: { file: WatchedFile; job: Job; state: WatchState; options: WatchOptions },
): Promise<void> {
  const { path, version } = file
  const isResumed = job.id !== null
  // The transcripts of an earlier version of the recording, which this command has written, are replaced.
  const force = options.output.force || (state.find(path)?.id ?? null) !== null
  try {
    await transcribeOne(session, job, {
      fields: options.fields,
      output: { ...options.output, force },
      onAccepted: () => state.set(path, { version, state: 'accepted', id: job.id }),
    })
    await state.set(path, { version, state: 'done', id: job.id })
  } catch (error) {
    if (session.signal.aborted) throw error
    // The transcription was deleted on the server: the next scan uploads the file again.
    if (isResumed && error instanceof Refused && error.status === 404) return state.set(path, null)
    reportFailure(session, job, error)
    if (isPassing(error) || isFatal(error)) throw error
    const message = error instanceof Error ? error.message : String(error)
    await state.set(path, { version, state: 'failed', id: job.id, error: message })
  }
}

const resumeOf = ({ id }: Job) =>
  id === null
    ? 'the next "verbatim watch" of the folder resumes the upload'
    : 'the transcription continues on the server; the next "verbatim watch" of the folder gets it'

const isPassing = (error: unknown) =>
  isTemporary(error) || !(error instanceof Failure) || PASSING.includes(error.code)

/** The API key is invalid or lacks a scope. */
const isFatal = (error: unknown) => error instanceof Refused && (error.status === 401 || error.status === 403)

async function requireFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null)
  if (!found?.isDirectory()) throw new UsageError(`${folder} is not a folder`)
}

const outputsOf = (base: string, formats: Format[]): FileOutput[] =>
  formats.map((format) => ({ format, path: `${base}${extensionOf(format)}` }))

async function allExist(outputs: FileOutput[]): Promise<boolean> {
  return (await Promise.all(outputs.map(({ path }) => exists(path)))).every(Boolean)
}
