import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AwsClient } from 'aws4fetch'
import { readSettings } from '../../src/config.ts'
import { childEnvironment } from '../../src/engines/local-sidecar/child-environment.ts'
import { ensureEnvironment } from '../../src/engines/local-sidecar/environment.ts'
import { linesOf } from '../../src/engines/local-sidecar/lines.ts'
import { PYTHON, ROOT } from './sidecar-dir.ts'

export type S3Server = Awaited<ReturnType<typeof openS3Server>>

/**
 * A real S3-compatible store with a bucket and a new folder in it: that of TEST_STORAGE_URL (as in
 * STORAGE_URL), or a local server, which verifies signatures.
 */
export async function openS3Server() {
  const store = process.env.TEST_STORAGE_URL ? named(process.env.TEST_STORAGE_URL) : await started()
  const client = new AwsClient({ ...store.credentials, service: 's3', region: store.region })
  await client.fetch(`${store.endpoint}/${store.bucket}`, { method: 'PUT' })
  return {
    ...store,
    folder: randomUUID(),
    /** The XML of the response to a request without the adapter. */
    async ask(path: string): Promise<string> {
      return (await client.fetch(`${store.endpoint}/${store.bucket}${path}`)).text()
    },
  }
}

function named(url: string) {
  const settings = readSettings({ ...process.env, STORAGE_URL: url })
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = settings
  const { endpoint, bucket, region } = settings.STORAGE_URL ?? {}
  if (!endpoint || !bucket || !region || !accessKeyId || !secretAccessKey) {
    throw new Error('TEST_STORAGE_URL takes an endpoint, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  }
  return { endpoint, bucket, region, credentials: { accessKeyId, secretAccessKey }, stop: async () => {} }
}

/**
 * Starts the server on a free port with a temporary folder. Its Python environment is created at the first
 * use.
 */
async function started() {
  const python = await ensureEnvironment({
    dir: join(ROOT, 'node_modules', '.cache', 'verbatim', 's3-server'),
    requirements: [join(import.meta.dir, 's3-server.txt')],
    python: PYTHON,
    env: childEnvironment(process.env),
    report: () => {},
    signal: AbortSignal.timeout(300_000),
  })
  const credentials = { accessKeyId: 'tests', secretAccessKey: 'a secret of the tests' }
  const folder = await mkdtemp(join(tmpdir(), 'verbatim-s3-'))
  const listen = ['--host', '127.0.0.1', '--port', '0', '--no-access-log']
  const child = Bun.spawn([python, '-m', 'uvicorn', 'nanio.app:build_app', '--factory', ...listen], {
    env: {
      ...childEnvironment(process.env),
      NANIO_DATA_DIR: folder,
      NANIO_ACCESS_KEY: credentials.accessKeyId,
      NANIO_SECRET_KEY: credentials.secretAccessKey,
    },
    stderr: 'pipe',
    stdout: 'ignore',
  })
  const output: string[] = []
  const listening = Promise.withResolvers<string>()
  const drained = (async () => {
    for await (const line of linesOf(child.stderr)) {
      output.push(line)
      const endpoint = /running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1]
      if (endpoint) listening.resolve(endpoint)
    }
    listening.reject(new Error(`the S3 server has ended:\n${output.join('\n')}`))
  })()
  return {
    endpoint: await listening.promise,
    bucket: 'verbatim-tests',
    region: 'us-east-1',
    credentials,
    async stop() {
      child.kill()
      await drained
      await rm(folder, { recursive: true, force: true })
    },
  }
}
