import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { linesOf } from '../../src/engines/local-sidecar/lines.ts'
import { signUp } from '../../test/support/client.ts'
import { fixture } from '../../test/support/recordings.ts'
import { startService } from '../../test/support/service.ts'

export type Format = 'multipart' | 'raw'

/** A server in its own process that accepts uploads at `url`. */
export type UploadServer = {
  pid: number
  url: string
  format: Format
  token: string
  warmUp(): Promise<void>
  kill(): Promise<unknown>
}

/** Nothing listens at SIDECAR_URL, so spans wait. */
const SETTINGS = {
  INFERENCE: 'sidecar',
  SIDECAR_URL: 'http://127.0.0.1:9',
  HOST: '127.0.0.1',
  MAX_UPLOAD_BYTES: String(16 * 2 ** 30),
  MAX_AUDIO_SECONDS: String(14 * 24 * 3600),
}
const POLL_MS = 50

/** Creates a data directory with one user; returns an API key of the user. */
export async function prepareService(folder: string): Promise<string> {
  const service = await startService({ ...SETTINGS, DATA_DIR: folder })
  const { key } = await signUp(service.url)
  await service.kill('SIGTERM')
  return key
}

/** The service, on a copy of the data directory `prepared`. */
export async function openService({
  prepared,
  folder,
  token,
  format,
}: {
  prepared: string
  folder: string
  token: string
  format: Format
}): Promise<UploadServer> {
  const DATA_DIR = join(folder, 'data')
  await cp(prepared, DATA_DIR, { recursive: true })
  const service = await startService({ ...SETTINGS, DATA_DIR })
  return {
    pid: service.pid,
    url: `${service.url}/api/transcribe`,
    format,
    token,
    warmUp: () => uploadSpeech(service.url, token),
    kill: () => service.kill('SIGKILL'),
  }
}

/** Uploads a fixture, so that the decoder is compiled, and waits until it is decoded. */
async function uploadSpeech(url: string, token: string): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` }
  const body = Bun.file(fixture('speech.wav'))
  const answer = await fetch(`${url}/api/transcribe`, { method: 'PUT', headers, body })
  const { transcription_id: id }: { transcription_id?: string } = await answer.json()
  for (;;) {
    const read = await fetch(`${url}/api/transcriptions/${id}`, { headers })
    if (!read.ok)
      throw new Error(`the service answers ${read.status} after an upload answered with ${answer.status}`)
    const { duration, status }: { duration: number | null; status: string } = await read.json()
    if (status === 'failed') throw new Error('the fixture was not decoded')
    if (duration !== null) return
    await Bun.sleep(POLL_MS)
  }
}

/** `bare.ts`. */
export async function startBare(mode: 'disk' | 'sha256' | 'discard', folder: string): Promise<UploadServer> {
  const script = join(import.meta.dir, 'bare.ts')
  const server = Bun.spawn([process.execPath, script, mode, join(folder, 'upload')], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const { value: url } = await linesOf(server.stdout).next()
  if (typeof url !== 'string') throw new Error('the bare server did not start')
  return {
    pid: server.pid,
    url,
    format: 'raw',
    token: 'none',
    warmUp: async () => {},
    kill() {
      server.kill('SIGKILL')
      return server.exited
    },
  }
}
