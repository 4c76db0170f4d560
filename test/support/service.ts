import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { linesOf } from '../../src/engines/local-sidecar/lines.ts'
import { copyEmbeddedTemplate } from './embedded-template.ts'
import { ROOT, SIDECAR_DIR } from './sidecar-dir.ts'

export type RunningService = {
  url: string
  pid: number
  /** All lines of its output. */
  output: string[]
  /** Resolves once it reports that it is ready. */
  ready: Promise<void>
  exited: Promise<number>
  kill(signal: NodeJS.Signals): Promise<number>
}

/** Bun without the settings of a developer's `.env` file. */
export const BUN = [process.execPath, '--no-env-file']

/** The environment that `npm start` gives the service. */
const START_ENVIRONMENT = { MIMALLOC_PURGE_HOLES_MIN_INTERVAL: '30000' }

/**
 * Starts the real service as `npm start` does, on a free port; resolves once it listens. Registration is open
 * unless `env` changes it. A new embedded database is a copy of a migrated one; with `createsDatabase`, the service
 * creates its own.
 */
export async function startService(
  env: Record<string, string>,
  command = [...BUN, 'src/main.ts'],
  { createsDatabase = false } = {},
): Promise<RunningService> {
  const { DATA_DIR, DATABASE_URL } = env
  const isEmbedded = DATA_DIR !== undefined && !DATABASE_URL
  if (isEmbedded && !createsDatabase && !existsSync(join(DATA_DIR, 'postgres'))) {
    await copyEmbeddedTemplate(DATA_DIR)
  }
  const child = Bun.spawn(command, {
    cwd: ROOT,
    env: { ...process.env, ...START_ENVIRONMENT, PORT: '0', SIDECAR_DIR, REGISTRATION: 'open', ...env },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const output: string[] = []
  const listening = Promise.withResolvers<string>()
  const ready = Promise.withResolvers<void>()
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const line of linesOf(stream)) {
      output.push(line)
      const url = /listening on (\S+?);/.exec(line)?.[1]
      if (url) listening.resolve(url)
      if (line === 'Verbatim is ready') ready.resolve()
    }
  }
  const drained = Promise.all([read(child.stdout), read(child.stderr)])
  const exited = child.exited.then(async (code) => {
    await drained
    const ended = new Error(`the service ended with ${code}:\n${output.join('\n')}`)
    listening.reject(ended)
    ready.reject(ended)
    return code
  })
  ready.promise.catch(() => {})
  return {
    url: await listening.promise,
    pid: child.pid,
    output,
    ready: ready.promise,
    exited,
    kill(signal) {
      child.kill(signal)
      return exited
    },
  }
}

/**
 * A free port, for a process that does not accept port 0 or keeps its port over restarts. It is below the
 * ephemeral ports of Linux (from 32768) and macOS (from 49152), so that no connection takes it meanwhile.
 */
export function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    try {
      Bun.serve({ port, hostname: '127.0.0.1', fetch: () => new Response() }).stop(true)
      return port
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') throw error
    }
  }
}

/** Creates a temporary folder, and removes it after `use`. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'verbatim-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
