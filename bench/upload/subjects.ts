import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { linesOf } from '../../src/engines/local-sidecar/lines.ts'
import { signUp } from '../../test/e2e/client.ts'
import { startService } from '../../test/e2e/service.ts'
import { fixture } from '../../test/media/recordings.ts'
import type { Way } from './protocol.ts'

/** A server that takes uploads at `url`, in a process of its own. */
export type Running = {
  pid: number
  url: string
  token: string
  /** Makes it ready for a timed upload, as one is that has been up for a while. */
  warm(): Promise<void>
  kill(): Promise<unknown>
}

export type Subject = {
  name: string
  way: Way
  /** Starts it with a folder of its own. */
  start(folder: string): Promise<Running>
}

const SECRET = 'upload-bench-upload-bench-upload-bench'
const POLL_MS = 50

/** No sidecar is started; nothing listens there, so spans wait. */
const SETTINGS = {
  ...{ INFERENCE: 'sidecar', SIDECAR_URL: 'http://127.0.0.1:9', JWT_SECRET: SECRET, HOST: '127.0.0.1' },
  ...{ DATABASE_URL: '', STORAGE_URL: '', MODE: '', PUBLIC_URL: '', NODE_ENV: '', REGISTRATION: 'open' },
  ...{ MAX_UPLOAD_BYTES: String(16 * 2 ** 30), MAX_AUDIO_SECONDS: String(14 * 24 * 3600) },
}

/** Sets up a database with a user in `folder`; gives an API key of the user's. */
export async function foundService(folder: string): Promise<string> {
  const service = await startService({ ...SETTINGS, DATA_DIR: folder })
  const { key } = await signUp(service.url)
  await service.kill('SIGTERM')
  return key
}

/** The real service, on a copy of the data directory `founded`. */
export function serviceSubject(way: Way, { founded, token }: { founded: string; token: string }): Subject {
  return {
    name: `service, ${way}`,
    way,
    async start(folder) {
      const dataDir = join(folder, 'data')
      await cp(founded, dataDir, { recursive: true })
      const service = await startService({ ...SETTINGS, DATA_DIR: dataDir })
      return {
        pid: service.pid,
        url: `${service.url}/api/transcribe`,
        token,
        warm: () => uploadSpeech(service.url, token),
        kill: () => service.kill('SIGKILL'),
      }
    },
  }
}

/** So that the decoder is compiled; returns when it has been used and is at rest again. */
async function uploadSpeech(url: string, token: string): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` }
  const form = new FormData()
  form.set('audio', Bun.file(fixture('speech.wav')))
  const answer = await fetch(`${url}/api/transcribe`, { method: 'POST', headers, body: form })
  const { transcription_id: id }: { transcription_id?: string } = await answer.json()
  if (!id) throw new Error(`the service answers ${answer.status} to a fixture`)
  for (;;) {
    const read = await fetch(`${url}/api/transcriptions/${id}`, { headers })
    const { duration, status }: { duration: number | null; status: string } = await read.json()
    if (status === 'failed') throw new Error('a fixture was not prepared')
    if (duration !== null) return
    await Bun.sleep(POLL_MS)
  }
}

/** `bare.ts` beside it: what can be had at most. */
export function bareSubject(name: string, mode: 'disk' | 'sha256' | 'discard'): Subject {
  return {
    name,
    way: 'raw',
    async start(folder) {
      await mkdir(folder, { recursive: true })
      const server = Bun.spawn(
        [process.execPath, join(import.meta.dir, 'bare.ts'), mode, join(folder, 'upload')],
        { stdout: 'pipe', stderr: 'inherit' },
      )
      const { value: url } = await linesOf(server.stdout).next()
      if (typeof url !== 'string') throw new Error(`the bare server (${mode}) did not start`)
      return {
        pid: server.pid,
        url,
        token: 'none',
        warm: async () => {},
        kill() {
          server.kill('SIGKILL')
          return server.exited
        },
      }
    },
  }
}
