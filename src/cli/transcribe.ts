import { randomUUID } from 'node:crypto'
import { createClient, type Server } from './client.ts'
import { EXIT, Failure, Interrupted, isTemporary } from './failure.ts'
import { follow, persist } from './follow.ts'
import { type Output, type OutputOptions, planOutputs, requireAbsent, writeOutput } from './outputs.ts'
import type { Session } from './session.ts'
import { openSource, parseSource, type Source } from './sources.ts'
import { uploadFile } from './upload.ts'

/** A recording on its way. `id` and `uploadPath` name what the server has of it. */
export type Job = {
  source: Source
  outputs: Output[]
  id: string | null
  uploadPath: string | null
  sentShare: number
  /** Its transcripts are written, or it has failed. */
  isEnded: boolean
}

export type JobOptions = {
  fields: Record<string, string>
  output: OutputOptions
  /** Called when the server has the recording. */
  onAccepted?: () => Promise<void>
}

/** How long a cancellation may take after Ctrl-C. */
const CANCEL_MS = 5_000

/** Transcribes recordings, several at a time. Returns the exit code. */
export async function transcribe(
  session: Session,
  {
    inputs,
    parallel,
    isCanceledOnInterrupt,
    ...options
  }: JobOptions & { inputs: string[]; parallel: number; isCanceledOnInterrupt: boolean },
): Promise<number> {
  const sources = inputs.map(parseSource)
  const plan = await planOutputs(sources, options.output)
  const jobs = sources.map((source, index) => createJob(source, plan[index] ?? []))
  const waiting = jobs.values()
  let failures = 0

  async function work() {
    for (const job of waiting) {
      if (session.signal.aborted) return
      try {
        await requireAbsent(job.outputs, options.output)
        await transcribeOne(session, job, options)
      } catch (error) {
        if (session.signal.aborted) return
        failures += 1
        reportFailure(session, job, error)
      }
    }
  }

  await Promise.all(Array.from({ length: parallel }, work))
  if (session.signal.aborted) {
    await endInterrupted(session, jobs, { isCanceled: isCanceledOnInterrupt || session.isLocal })
  }
  return failures > 0 ? EXIT.failed : EXIT.ok
}

export function createJob(source: Source, outputs: Output[]): Job {
  return { source, outputs, id: null, uploadPath: null, sentShare: 0, isEnded: false }
}

/** Uploads the recording unless the server has it already, waits for the transcript and writes it. */
export async function transcribeOne(session: Session, job: Job, options: JobOptions): Promise<void> {
  const begunAt = performance.now()
  if (job.id === null) {
    job.id = await submit(session, job, options.fields)
    session.reporter.report({ event: 'accepted', source: job.source.label, id: job.id })
    await options.onAccepted?.()
  }
  const { source, outputs, id } = job
  await deliver(session, { label: source.label, id, outputs, options: options.output, begunAt })
  job.isEnded = true
}

async function submit(session: Session, job: Job, fields: Record<string, string>): Promise<string> {
  const { source } = job
  const { client, server, signal, stateDir, reporter } = session
  if (source.kind === 'url') {
    const key = randomUUID()
    return persist(() => client.submitUrl(source.label, fields, key), signal)
  }
  await using file = await openSource(source, { signal })
  return await uploadFile({
    server,
    path: file.path,
    fields: { ...fields, filename: source.filename },
    stateDir: source.kind === 'file' ? stateDir : null,
    signal,
    onProgress(sent, size) {
      job.sentShare = size === 0 ? 1 : sent / size
      reporter.report({ event: 'uploading', source: source.label, sent, size })
    },
    onUpload(path) {
      job.uploadPath = path
    },
  })
}

/** Waits until a transcription has finished and writes its transcripts. Throws `Failure` if it failed. */
async function deliver(
  { client, signal, reporter }: Session,
  {
    label: source,
    id,
    outputs,
    options,
    begunAt,
  }: { label: string; id: string; outputs: Output[]; options: OutputOptions; begunAt: number },
): Promise<void> {
  const status = await follow(client, {
    id,
    signal,
    onStatus: (status) => reporter.report({ event: 'status', source, id, status }),
    onEvent(event, data) {
      if (event === 'segments' || event === 'speakers') reporter.report({ event, source, id, data })
    },
  })
  if (status.status !== 'completed') {
    const { code, error } = status.failure ?? {
      code: status.status,
      error: `The transcription ${id} was canceled`,
    }
    throw new Failure(code, error)
  }
  for (const { format, path } of outputs) {
    const text = await persist(() => client.transcript(id, format), signal)
    if (path === null) reporter.report({ event: 'transcript', source, id, format, text })
    else {
      await writeOutput(path, text, options)
      reporter.report({ event: 'written', source, id, format, path })
    }
  }
  reporter.report({ event: 'completed', source, id, status, seconds: (performance.now() - begunAt) / 1000 })
}

export function reportFailure({ reporter }: Session, job: Job, error: unknown): void {
  const { source, id } = job
  job.isEnded = true
  const code = error instanceof Failure ? error.code : 'internal'
  const message = error instanceof Error ? error.message : String(error)
  const hint = id !== null && isTemporary(error) ? `. To get the transcript later: verbatim get ${id}` : ''
  reporter.report({ event: 'failed', source: source.label, id, code, error: `${message}${hint}` })
}

/**
 * Says what becomes of the unfinished jobs, or cancels them on the server. Throws the reason of the interruption.
 */
export async function endInterrupted(
  session: Session,
  jobs: Job[],
  { isCanceled, resume = resumeOf }: { isCanceled: boolean; resume?: (job: Job) => string },
): Promise<never> {
  const { signal, reporter } = session
  const { reason } = signal
  if (!(reason instanceof Interrupted)) throw reason
  const begun = jobs.filter(({ id, uploadPath, isEnded }) => !isEnded && (id ?? uploadPath) !== null)
  await Promise.all(
    begun.map(async (job) => {
      const source = job.source.label
      // Nothing can resume the upload of the standard input.
      const isLost = job.id === null && job.source.kind === 'stdin'
      const isDone = (isCanceled || isLost) && (await cancel(session.server, job))
      reporter.report({
        event: 'interrupted',
        source,
        id: job.id,
        is_canceled: isDone,
        resume: isDone ? null : resume(job),
      })
    }),
  )
  throw reason
}

/** Whether the server has canceled the job. */
async function cancel(server: Server, { id, uploadPath }: Job): Promise<boolean> {
  const client = createClient(server, AbortSignal.timeout(CANCEL_MS))
  const request = id !== null ? client.cancel(id) : client.cancelUpload(uploadPath ?? '')
  return request.then(
    () => true,
    () => false,
  )
}

function resumeOf({ outputs, id, sentShare }: Job): string {
  if (id === null) {
    return `${Math.floor(sentShare * 100)} % is uploaded. Run the same command again to resume the upload`
  }
  const formats = outputs.map(({ format }) => format).join()
  return `the transcription continues on the server. To get it: verbatim get ${id} --format ${formats}`
}
