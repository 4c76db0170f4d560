import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createObjects } from '../../src/storage/s3/objects.ts'
import { FOLDER } from '../../src/transcriptions/storage-keys.ts'
import type { TestDatabase, TestDatabaseKind } from '../support/databases.ts'
import { openS3Server } from '../support/s3-server.ts'
import { startService } from '../support/service.ts'

export const MAX_UPLOAD_BYTES = 500_000
export const CORS_ORIGIN = 'https://app.example.com'

export type RuntimeEnvironment = Awaited<ReturnType<typeof openRuntimeEnvironment>>

/**
 * The services that an API on any runtime needs: a Postgres, a bucket, and a worker on Bun with its own
 * sidecar.
 */
export async function openRuntimeEnvironment(kind: TestDatabaseKind) {
  const database: TestDatabase = await kind.open()
  const bucket = await openS3Server()
  const folder = await mkdtemp(join(tmpdir(), 'verbatim-edge-'))
  const shared = {
    DATABASE_URL: database.url ?? '',
    STORAGE_URL: `s3://${bucket.bucket}/${bucket.folder}?endpoint=${bucket.endpoint}`,
    AWS_ACCESS_KEY_ID: bucket.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.credentials.secretAccessKey,
    JWT_SECRET: 'a secret for tests of 32 characters or more',
    MAX_UPLOAD_BYTES: String(MAX_UPLOAD_BYTES),
    REGISTRATION: 'open',
    CORS_ORIGINS: CORS_ORIGIN,
  }
  const worker = await startService({ ...shared, MODE: 'worker', DATA_DIR: folder })
  const objects = createObjects({ ...bucket, prefix: bucket.folder })

  return {
    db: database.db,
    settings: (url: string) => ({ ...shared, PUBLIC_URL: url }),

    /** The storage keys of all transcriptions and uploads. */
    async keys(): Promise<string[]> {
      const keys: string[] = []
      for (const prefix of [FOLDER, 'uploads']) {
        for await (const { key } of objects.list(prefix)) keys.push(key)
      }
      return keys.toSorted()
    },

    async close() {
      await worker.kill('SIGTERM')
      await bucket.stop()
      await database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
