import type { Client, Status } from './client.ts'
import { EXIT, Failure } from './failure.ts'
import { type OutputOptions, planOutputs, requireAbsent } from './outputs.ts'
import { formatSeconds, printable } from './reporter.ts'
import type { Session } from './session.ts'
import { createJob, endInterrupted, reportFailure, transcribeOne } from './transcribe.ts'

const MAX_PAGE = 100

export type ListOptions = {
  status?: string
  language?: string
  search?: string
  limit: number
  json?: boolean
}

/** Prints the transcriptions of the user, the newest first. */
export async function list(
  client: Client,
  { status, language, search, limit, json = false }: ListOptions,
  print: (text: string) => void,
): Promise<void> {
  const filters = Object.entries({ status, language, q: search }).flatMap(
    ([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]),
  )
  const rows: Status[] = []
  let cursor: string | null = null
  do {
    const query = new URLSearchParams(filters)
    query.set('limit', String(Math.min(MAX_PAGE, limit - rows.length)))
    if (cursor !== null) query.set('cursor', cursor)
    const page = await client.list(query)
    rows.push(...page.transcriptions)
    cursor = page.next_cursor
  } while (cursor !== null && rows.length < limit)
  if (json) for (const row of rows) print(`${JSON.stringify(row)}\n`)
  else print(table(rows))
}

function table(rows: Status[]): string {
  const cells = rows.map(({ id, created_at, status, progress, duration, language, filename }) => [
    id,
    created_at.slice(0, 16).replace('T', ' '),
    status === 'processing' ? `${Math.floor(progress * 100)} %` : status,
    duration === null ? '' : formatSeconds(duration),
    language,
    printable(filename ?? ''),
  ])
  const all = [['ID', 'CREATED (UTC)', 'STATUS', 'LENGTH', 'LANGUAGE', 'NAME'], ...cells]
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? []
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

/** Prints or writes the transcript of a transcription, after waiting for it. Returns the exit code. */
export async function get(
  session: Session,
  { id, isWaiting, ...output }: OutputOptions & { id: string; isWaiting: boolean },
): Promise<number> {
  const { filename, status } = await session.client.status(id)
  if (!isWaiting && (status === 'queued' || status === 'processing')) {
    throw new Failure('not_ready', `The transcription ${id} is ${status}: omit --no-wait to wait for it`)
  }
  const source = { kind: 'url', label: id, filename: filename ?? id } as const
  const [outputs = []] = await planOutputs([source], output)
  await requireAbsent(outputs, output)
  const job = { ...createJob(source, outputs), id }
  try {
    await transcribeOne(session, job, { fields: {}, output })
    return EXIT.ok
  } catch (error) {
    if (session.signal.aborted) return endInterrupted(session, [job], { isCanceled: false })
    reportFailure(session, job, error)
    return EXIT.failed
  }
}

/** Deletes transcriptions. Returns the exit code. */
export async function remove(client: Client, ids: string[], write: (line: string) => void): Promise<number> {
  let failures = 0
  for (const id of ids) {
    try {
      await client.remove(id)
      write(`Deleted ${id}`)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      failures += 1
      write(`${printable(id)}: ${error.message}`)
    }
  }
  return failures > 0 ? EXIT.failed : EXIT.ok
}
