import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { SETTINGS } from '../config.ts'
import { createApiKey, openAccount } from './account.ts'
import type { Server } from './client.ts'
import { Failure } from './failure.ts'
import { dataFolder, type Env } from './folders.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const ENTRY = fileURLToPath(new URL('local-service.ts', import.meta.url))

/** Settings of the engines, which hold for the embedded service too. All others have their defaults. */
const KEPT = new Set(
  ['INFERENCE', 'SIDECAR_URL', 'SIDECAR_API_KEY', 'SIDECAR_DIR', 'PYTHON', 'MODEL', 'DEFAULT_QUALITY'].concat(
    ['HF_TOKEN', 'HF_MODEL', 'HF_PROVIDER', 'HF_ENDPOINT_URL', 'OUTBOUND_ALLOW', 'NAT64_PREFIX'],
  ),
)
/** Above the grace period of the service. */
const STOP_MS = 20_000
const LAST_LINES = 10

/** An embedded service. Disposing of it stops it and removes its data. */
export type LocalService = AsyncDisposable & {
  server: Server
  /** Aborts with a `Failure` if the service cannot transcribe. */
  failed: AbortSignal
}

/**
 * Starts a service on a free port of this machine, with a database of its own. The Python environment and the model
 * are in the user's data folder. The service ends with this process, also if this process is killed, because its
 * standard input ends then.
 */
export async function startLocalService({
  env,
  signal,
  onMessage,
}: {
  env: Env
  signal: AbortSignal
  /** Receives the steps of the start. */
  onMessage: (message: string) => void
}): Promise<LocalService> {
  const folder = await createRunFolder(join(dataFolder(env), 'runs'))
  const child = spawn(
    process.execPath,
    ['--no-env-file', `--config=${join(ROOT, 'bunfig.toml')}`, ENTRY, folder],
    {
      // Ctrl-C in a terminal reaches this process only, which then stops the service.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: serviceEnvironment(env),
    },
  )
  child.stdin?.on('error', () => {})
  const exited = once(child, 'exit')
  const failed = new AbortController()
  const stop = async () => {
    child.stdin?.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await exited
    clearTimeout(timer)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const port = await readPort(child, { signal, failed, onMessage })
    const url = `http://127.0.0.1:${port}`
    const password = crypto.randomUUID()
    const account = await openAccount({
      url,
      action: 'register',
      email: 'local@example.com',
      password,
      signal,
    })
    const { key } = await createApiKey(account, 'verbatim --local')
    return { server: { url, apiKey: key }, failed: failed.signal, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A new folder for one run. Removes those of runs that were killed together with their services. */
async function createRunFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true, mode: 0o700 })
  for (const name of await readdir(parent)) {
    const pid = /^run-(\d+)-/.exec(name)?.[1]
    if (pid && !isAlive(Number(pid))) await rm(join(parent, name), { recursive: true, force: true })
  }
  return mkdtemp(join(parent, `run-${process.pid}-`))
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // The process of another user is alive.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function serviceEnvironment(env: Env): Record<string, string> {
  const kept = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    value === undefined || (name in SETTINGS && !KEPT.has(name)) ? [] : [[name, value]],
  )
  return {
    SIDECAR_DIR: join(dataFolder(env), 'sidecar'),
    ...Object.fromEntries(kept),
    PORT: '0',
    HOST: '127.0.0.1',
    REGISTRATION: 'first',
    MAX_UPLOAD_BYTES: String(Number.MAX_SAFE_INTEGER),
    MAX_AUDIO_SECONDS: '1209600',
    STORAGE_BYTES_PER_USER: 'unlimited',
  }
}

/** Reads the output of the service. Resolves once it listens. */
function readPort(
  child: ChildProcess,
  {
    signal,
    failed,
    onMessage,
  }: { signal: AbortSignal; failed: AbortController; onMessage: (message: string) => void },
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const lines: string[] = []
  let isReady = false
  let isInstalling = false
  const fail = (message: string) => {
    const failure = new Failure('local_service', message)
    failed.abort(failure)
    reject(failure)
  }
  const onLine = (line: string) => {
    const text = line.replace(/^\d{4}-\d\d-\d\dT\S+ /, '')
    lines.push(text)
    if (lines.length > LAST_LINES) lines.shift()
    const port = /^listening on http:\/\/\S+:(\d+);/.exec(text)?.[1]
    if (port) resolve(port)
    if (text === 'Verbatim is ready') {
      isReady = true
      if (isInstalling) onMessage('The service is ready')
    }
    if (isReady) return
    // The service would try again forever.
    const problem = /^sidecar: (.*) Next attempt in \d+ s\.$/.exec(text)?.[1]
    if (problem) fail(problem)
    if (/^(environment|model): /.test(text)) {
      isInstalling = true
      onMessage(text)
    }
  }
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', onLine)
  }
  child.on('error', ({ message }) => fail(`The service cannot be started: ${message}`))
  child.on('close', (code) => fail(`The service ended with ${code}: ${lines.join('\n')}`))
  signal.addEventListener('abort', () => reject(signal.reason))
  return promise
}
