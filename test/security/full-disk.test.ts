import { describe, expect, test } from 'bun:test'
import { chmod } from 'node:fs/promises'
import { signUp } from '../support/client.ts'
import { startFakeSidecar } from '../support/fake-sidecar.ts'
import { POSTGRES_BIN, startPostgres } from '../support/own-postgres.ts'
import { fixture } from '../support/recordings.ts'
import { startService, withFolder } from '../support/service.ts'
import { openSmallDisk } from './small-disk.ts'

const clip = Bun.file(fixture('speech.mp3'))
const FULL = { status: 507, code: 'storage_full', retryAfter: expect.stringMatching(/^[1-9]\d*$/) }

async function outcomeOf(asking: Promise<Response>) {
  const answer = await asking
  const { code, transcription_id: id }: { code?: string; transcription_id?: string } = await answer
    .json()
    .catch(() => ({}))
  return { status: answer.status, code, id, retryAfter: answer.headers.get('retry-after') }
}

/** Requests of one user to a service. */
async function requestsAt(url: string) {
  const { headers, finished } = await signUp(url)
  return {
    finished,
    upload: () => outcomeOf(fetch(`${url}/api/transcribe`, { method: 'PUT', headers, body: clip })),
    list: () => outcomeOf(fetch(`${url}/api/transcriptions`, { headers })),
    remove: (id: string) =>
      outcomeOf(fetch(`${url}/api/transcriptions/${id}`, { method: 'DELETE', headers })),
    register: () => {
      const email = `${crypto.randomUUID()}@example.com`
      const body = JSON.stringify({ email, password: 'correct horse battery' })
      const json = { 'Content-Type': 'application/json' }
      return outcomeOf(fetch(`${url}/api/auth/register`, { method: 'POST', headers: json, body }))
    },
    async storageDetail(): Promise<{ status: number; detail: string }> {
      const answer = await fetch(`${url}/health/ready`)
      const { checks }: { checks: { storage: { detail: string } } } = await answer.json()
      return { status: answer.status, detail: checks.storage.detail }
    },
  }
}

/** Repeats the request until the response has this status. */
async function until(status: number, ask: () => Promise<{ status: number }>) {
  for (;;) {
    const outcome = await ask()
    if (outcome.status === status) return outcome
    if (outcome.status === 500) throw new Error('a request returned 500')
    await Bun.sleep(100)
  }
}

describe.skipIf(!openSmallDisk)('a full disk (a separate file system, which only root may mount)', () => {
  test('refuses uploads first, then all writes, and the embedded database recovers when space is free', async () => {
    const disk = await openSmallDisk?.({ megabytes: 500 })
    if (!disk) return
    const sidecar = startFakeSidecar()
    const service = await startService({
      ...{ DATA_DIR: `${disk.path}/data`, SIDECAR_URL: sidecar.url },
      STORAGE_FREE_MIN_BYTES: '0',
      LOGINS_PER_MINUTE: '1000000',
    })
    try {
      const { upload, list, remove, register, storageDetail, finished } = await requestsAt(service.url)
      const first = await upload()
      expect((await finished(first.id ?? '')).status).toBe('completed')

      await disk.leave(100)
      expect(await upload()).toMatchObject(FULL)
      expect(await register()).toMatchObject({ status: 201 })
      expect(await remove(first.id ?? '')).toMatchObject({ status: 204 })
      expect(await storageDetail()).toEqual({
        status: 503,
        detail: expect.stringMatching(/^The disk of DATA_DIR is full: \d+ MiB are free/),
      })

      await disk.leave(20)
      await until(507, register)
      expect(await register()).toMatchObject(FULL)
      expect(await upload()).toMatchObject(FULL)
      expect(await list()).toMatchObject({ status: 200 })

      await disk.free()
      await until(201, register)
      const { id = '' } = await upload()
      expect((await finished(id)).status).toBe('completed')
      expect((await storageDetail()).status).toBe(200)
    } finally {
      await service.kill('SIGTERM')
      await sidecar.stop()
      await disk.close()
    }
  })

  test.skipIf(!POSTGRES_BIN)('of Postgres causes 507 or 503, and never 500', async () => {
    const disk = await openSmallDisk?.({ megabytes: 300 })
    if (!disk) return
    await chmod(disk.path, 0o755)
    const database = await startPostgres({ folder: disk.path })
    await withFolder(async (DATA_DIR) => {
      const service = await startService({
        ...{ DATA_DIR, DATABASE_URL: database.url, SIDECAR_URL: 'http://127.0.0.1:9' },
        LOGINS_PER_MINUTE: '1000000',
      })
      try {
        const { register } = await requestsAt(service.url)
        await disk.leave(0)
        const seen = new Set<number>()
        for (let count = 0; count < 500 && !seen.has(507); count++) seen.add((await register()).status)
        expect([...seen].filter((status) => ![201, 503, 507].includes(status))).toEqual([])
        expect(seen).toContain(507)
        expect(await until(507, register)).toMatchObject(FULL)
        await disk.free()
        await until(201, register)
      } finally {
        await service.kill('SIGTERM')
      }
    })
    await database.close()
    await disk.close()
  })
})
