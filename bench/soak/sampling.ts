import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import type { ProcessSample } from '../shared/process-sample.ts'
import type { Deployment } from './deployments.ts'

export type DeploymentSample = {
  name: string
  /** Transcriptions that are not over, and jobs that wait and run. */
  open: number
  waiting: number
  running: number
  storedFiles: number
  storedBytes: number
  /** Bytes of audio that rows tell of; null where the database is embedded. */
  knownBytes: number | null
  /** Half written, and in the folder of temporary files. */
  incoming: number
  temporary: number
  connections: number | null
  databaseBytes: number | null
}

export type Sample = { seconds: number; processes: ProcessSample[]; deployments: DeploymentSample[] }

export async function deploymentSample(deployment: Deployment): Promise<DeploymentSample> {
  const { name, url, data, temporary } = deployment
  const [metrics, stored, database] = await Promise.all([
    fetch(`${url}/metrics`).then(
      (answer) => answer.text(),
      () => '',
    ),
    filesIn(join(data, 'files')),
    databaseSample(deployment.databaseUrl),
  ])
  const sum = (metric: string) =>
    [...metrics.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    )
  return {
    name,
    open: sum('verbatim_transcriptions_open'),
    waiting: sum('verbatim_queue_waiting'),
    running: sum('verbatim_queue_running'),
    storedFiles: stored.files,
    storedBytes: stored.bytes,
    incoming: (await filesIn(join(data, 'incoming'))).files,
    temporary: (await filesIn(temporary)).files,
    ...database,
  }
}

async function databaseSample(url: string | null) {
  const nothing = { knownBytes: null, connections: null, databaseBytes: null }
  if (url === null) return nothing
  const client = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const [row] = await client<{ known: string; connections: string; size: string }[]>`
      select (select coalesce(sum(audio_bytes), 0) from transcriptions where audio_removed_at is null) as known,
        (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
        pg_database_size(current_database()) as size`
    if (!row) return nothing
    return {
      knownBytes: Number(row.known),
      connections: Number(row.connections) - 1,
      databaseBytes: Number(row.size),
    }
  } finally {
    await client.end()
  }
}

/** Others may be removing what is counted here. */
async function filesIn(folder: string): Promise<{ files: number; bytes: number }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(
    files.map(({ parentPath, name }) =>
      stat(join(parentPath, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return { files: files.length, bytes: sizes.reduce((total, size) => total + size, 0) }
}
