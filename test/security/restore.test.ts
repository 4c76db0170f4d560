import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createObjects } from '../../src/storage/s3/objects.ts'
import { longRecording } from '../e2e/recording.ts'
import { signUp } from '../support/client.ts'
import { startFakeSidecar } from '../support/fake-sidecar.ts'
import { type OwnPostgres, POSTGRES_BIN, runPostgres, startPostgres } from '../support/own-postgres.ts'
import { fixture } from '../support/recordings.ts'
import { openS3Server, type S3Server } from '../support/s3-server.ts'
import { type RunningService, startService, withFolder } from '../support/service.ts'

const clip = Bun.file(fixture('speech.mp3'))

/** A database or storage with the commands of docs/operating.md that back it up and restore it elsewhere. */
type BackedUp = {
  env: Record<string, string>
  backUp(): Promise<void>
  /** Returns the environment of the restored database or storage. */
  restore(): Promise<Record<string, string>>
}

let database: OwnPostgres
let bucket: S3Server
beforeAll(async () => {
  if (POSTGRES_BIN) database = await startPostgres()
  bucket = await openS3Server()
}, 600_000)
afterAll(async () => {
  await database?.close()
  await bucket?.stop()
})

const newName = () => `installation_${crypto.randomUUID().replaceAll('-', '')}`

async function postgresDatabase(): Promise<BackedUp> {
  const url = await database.createDatabase(newName())
  const dump = join(database.home, `${newName()}.dump`)
  return {
    env: { DATABASE_URL: url },
    backUp: () => runPostgres('pg_dump', ['--format=custom', `--file=${dump}`, url]),
    async restore() {
      const restored = await database.createDatabase(newName())
      await runPostgres('pg_restore', [`--dbname=${restored}`, dump])
      return { DATABASE_URL: restored }
    },
  }
}

/** The service is stopped while its folder is copied. */
function embeddedDatabase(folder: string): BackedUp {
  const copy = join(folder, 'backup', 'postgres')
  return {
    env: {},
    backUp: () => cp(join(folder, 'data', 'postgres'), copy, { recursive: true }),
    async restore() {
      await cp(copy, join(folder, 'restored', 'postgres'), { recursive: true })
      return {}
    },
  }
}

/** Waits until no pcm is stored: it is removed shortly after its transcription is completed. */
async function untilNoPcm(keys: () => Promise<string[]>) {
  while ((await keys()).some((key) => key.includes('/pcm'))) await Bun.sleep(50)
}

function diskFiles(folder: string): BackedUp {
  const copy = join(folder, 'backup', 'files')
  return {
    env: {},
    async backUp() {
      await untilNoPcm(() => readdir(join(folder, 'data', 'files'), { recursive: true }))
      await cp(join(folder, 'data', 'files'), copy, { recursive: true })
      await rm(join(copy, 'owner'))
    },
    async restore() {
      await cp(copy, join(folder, 'restored', 'files'), { recursive: true })
      return {}
    },
  }
}

function bucketFiles(): BackedUp {
  const [from, copy, to] = [newName(), newName(), newName()]
  const envOf = (prefix: string) => ({
    STORAGE_URL: `s3://${bucket.bucket}/${prefix}?endpoint=${bucket.endpoint}`,
    AWS_ACCESS_KEY_ID: bucket.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.credentials.secretAccessKey,
  })
  const objectsOf = (prefix: string) => createObjects({ ...bucket, prefix })
  /** Like `aws s3 sync --exclude owner`. */
  async function sync(source: string, target: string) {
    const [read, write] = [objectsOf(source), objectsOf(target)]
    for (const folder of ['transcriptions', 'uploads']) {
      for await (const { key } of read.list(folder)) await write.write(key, await read.read(key))
    }
  }
  return {
    env: envOf(from),
    async backUp() {
      const stored = objectsOf(from)
      await untilNoPcm(() => Array.fromAsync(stored.list('transcriptions'), ({ key }) => key))
      await sync(from, copy)
    },
    async restore() {
      await sync(copy, to)
      return envOf(to)
    },
  }
}

/** Each database and each storage once: they are backed up independently of one another. */
const combinations = [
  ['Postgres', 'a bucket'],
  ['PGlite', 'a folder'],
] as const

describe.each(combinations)('a backup of %s and %s with work in progress', (kind, place) => {
  const isMissing = kind === 'Postgres' && !POSTGRES_BIN

  test.skipIf(isMissing)('can be restored, and the work in progress is completed', async () => {
    const sidecar = startFakeSidecar()
    await withFolder(async (folder) => {
      const stored = kind === 'Postgres' ? await postgresDatabase() : embeddedDatabase(folder)
      const files = place === 'a folder' ? diskFiles(folder) : bucketFiles()
      const common = { SIDECAR_URL: sidecar.url, JWT_SECRET: 'a secret for tests of 32 characters or more' }
      const env = { ...common, ...stored.env, ...files.env, DATA_DIR: join(folder, 'data') }
      let service = await startService(env)
      const user = await signUp(service.url)
      const at = () => service.url
      const complete = async (id: string) => {
        const done = await user.finished(id, at())
        expect(done).toMatchObject({ status: 'completed', failure: null })
        return done.transcription
      }

      const early = await user.upload(clip, {}, at())
      await complete(early)
      sidecar.allow(0)
      const long = await user.upload(await longRecording(40), {}, at())
      while ((await user.status(long, at())).duration === null) await Bun.sleep(50)
      sidecar.allow(1)
      while ((await user.status(long, at())).progress === 0) await Bun.sleep(50)
      const finishedSpan = sidecar.received.at(-1) ?? ''
      const waiting = await user.upload(clip, { language: 'de' }, at())

      if (kind === 'PGlite') await service.kill('SIGTERM')
      await stored.backUp()
      if (kind === 'PGlite') service = await startService(env)
      // Between the two halves of the backup all work finishes, so that no pcm is left, and a new upload
      // arrives.
      sidecar.release()
      const texts = {
        early: await complete(early),
        long: await complete(long),
        waiting: await complete(waiting),
      }
      const late = await user.upload(clip, { language: 'fr' }, at())
      await complete(late)
      await files.backUp()
      expect(await service.kill('SIGTERM')).toBe(0)

      const restored = { ...(await stored.restore()), ...(await files.restore()) }
      service = await startService({ ...common, ...restored, DATA_DIR: join(folder, 'restored') })
      expect(await complete(early)).toBe(texts.early)
      expect(await complete(long)).toBe(texts.long)
      expect(await complete(waiting)).toBe(texts.waiting)
      expect(sidecar.received.filter((text) => text === finishedSpan)).toHaveLength(1)
      const { audio_file: link } = await user.status(long, at())
      expect((await fetch(link)).status).toBe(200)
      await expectKept({ service, late })
      expect(await service.kill('SIGTERM')).toBe(0)
    })
    await sidecar.stop()
  })

  /**
   * An upload after the first half of the backup is accepted again, now or at a later sweep, and is never
   * removed.
   */
  async function expectKept({ service, late }: { service: RunningService; late: string }) {
    const isAcceptedAtOnce = kind === 'PGlite' && place === 'a folder'
    const output = service.output.join('\n')
    expect(output.includes(`no row of the upload ${late}`)).toBe(isAcceptedAtOnce)
    expect(output).not.toContain('removed from the storage')
  }
})
