import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { signUp } from '../support/client.ts'
import { fixture } from '../support/recordings.ts'
import { BUN, startService, withFolder } from '../support/service.ts'

setDefaultTimeout(600_000)

const MEGABYTE = 2 ** 20
/** Room for the embedded database's files, of 16 MiB each, and no more. */
const LARGEST_FILE = 20 * MEGABYTE
/** No sidecar is started, and nothing is transcribed. */
const NO_SIDECAR = { INFERENCE: 'sidecar', SIDECAR_URL: 'http://127.0.0.1:9' }

/** What is written beyond it fails as on a full disk does. */
const LIMITED = [
  ...['sh', '-c', `trap '' XFSZ; ulimit -f ${LARGEST_FILE / 512}; exec "$0" "$@"`],
  ...BUN,
  'src/main.ts',
]

/** Names of what is stored in a data directory, whole or half written. */
async function storedIn(folder: string): Promise<string[]> {
  const places = ['files', 'incoming'].map((name) => join(folder, name)).filter(existsSync)
  const options = { recursive: true, withFileTypes: true } as const
  const entries = await Promise.all(places.map((place) => readdir(place, options)))
  return entries
    .flat()
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}

test('a disk that fills up during an upload: 507, nothing of it stays, and what is smaller is taken', async () => {
  await withFolder(async (folder) => {
    const service = await startService({ ...NO_SIDECAR, DATA_DIR: folder }, LIMITED)
    try {
      const { headers, upload } = await signUp(service.url)
      const audio = new Uint8Array(3 * LARGEST_FILE)
      audio.set(await Bun.file(fixture('speech.wav')).bytes())
      const form = new FormData()
      form.set('audio', new Blob([audio]), 'long.wav')
      const ways: RequestInit[] = [
        { method: 'POST', body: form },
        { method: 'PUT', body: audio },
      ]
      for (const way of ways) {
        const answer = await fetch(`${service.url}/api/transcribe`, { ...way, headers })
        expect({ status: answer.status, body: await answer.json() }).toEqual({
          status: 507,
          body: { code: 'storage_full', error: 'There is no room left to store the audio' },
        })
      }
      // The storage's own marker is always there.
      expect(await storedIn(folder)).toEqual(['owner'])
      await upload(Bun.file(fixture('speech.wav')))
      expect(await storedIn(folder)).toContain('audio')
    } finally {
      await service.kill('SIGKILL')
    }
  })
})
