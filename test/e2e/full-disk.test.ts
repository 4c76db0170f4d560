import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { signUp } from '../support/client.ts'
import { fixture } from '../support/recordings.ts'
import { BUN, startService, withFolder } from '../support/service.ts'

setDefaultTimeout(600_000)

const MEGABYTE = 2 ** 20
/** Just above the size of the embedded database's files, 16 MiB each. */
const LARGEST_FILE = 20 * MEGABYTE
/** The service starts no sidecar, and transcribes nothing. */
const NO_SIDECAR = { INFERENCE: 'sidecar', SIDECAR_URL: 'http://127.0.0.1:9' }

/** A write beyond the limit fails as on a full disk. */
const LIMITED = [
  ...['sh', '-c', `trap '' XFSZ; ulimit -f ${LARGEST_FILE / 512}; exec "$0" "$@"`],
  ...BUN,
  'src/main.ts',
]

/** The names of all stored files in a data directory, complete or not. */
async function storedIn(folder: string): Promise<string[]> {
  const folders = ['files', 'incoming'].map((name) => join(folder, name)).filter(existsSync)
  const options = { recursive: true, withFileTypes: true } as const
  const entries = await Promise.all(folders.map((path) => readdir(path, options)))
  return entries
    .flat()
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}

test('an upload that fills the disk gets 507 and leaves no file, and a smaller upload is accepted', async () => {
  await withFolder(async (folder) => {
    const service = await startService({ ...NO_SIDECAR, DATA_DIR: folder }, LIMITED)
    try {
      const { headers, upload } = await signUp(service.url)
      const audio = new Uint8Array(3 * LARGEST_FILE)
      audio.set(await Bun.file(fixture('speech.wav')).bytes())
      const form = new FormData()
      form.set('audio', new Blob([audio]), 'long.wav')
      const requests: RequestInit[] = [
        { method: 'POST', body: form },
        { method: 'PUT', body: audio },
      ]
      for (const request of requests) {
        const answer = await fetch(`${service.url}/api/transcribe`, { ...request, headers })
        expect({ status: answer.status, body: await answer.json() }).toEqual({
          status: 507,
          body: { code: 'storage_full', error: 'There is no room left to store the audio' },
        })
      }
      // `owner` is the storage's own file.
      expect(await storedIn(folder)).toEqual(['owner'])
      await upload(Bun.file(fixture('speech.wav')))
      expect(await storedIn(folder)).toContain('audio')
    } finally {
      await service.kill('SIGKILL')
    }
  })
})
