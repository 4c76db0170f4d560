import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmod, chown, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { openServer } from '../../bench/shared/postgres.ts'
import { startService } from '../support/service.ts'

const [server] = new Bun.Glob('usr/lib/postgresql/*/bin/initdb').scanSync('/')
const isPossible = server !== undefined && Bun.which('openssl') !== null

/** The role `verbatim` needs TLS and SCRAM. The role `postgres`, which sets it up, needs neither. */
const ACCESS = `
hostssl all verbatim 127.0.0.1/32 scram-sha-256
host    all postgres 127.0.0.1/32 trust
`

// The service has two Postgres clients: its own and the queue's.
describe.skipIf(!isPossible)('with a Postgres that accepts only TLS and SCRAM, the service', () => {
  let folder: string
  let close: () => Promise<void>
  let url: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'verbatim-tls-'))
    const settings = await createCertificate(folder)
    const { url: admin, ...server } = await openServer({ fsync: false, settings })
    close = server.close
    const client = postgres(admin, { max: 1, onnotice: () => {} })
    await client`set password_encryption = 'scram-sha-256'`
    await client`create role verbatim login password 'a secret'`
    await client`create database verbatim owner verbatim encoding 'UTF8' locale 'C.UTF-8' template template0`
    await client.end()
    url = `postgres://verbatim:a%20secret@localhost:${new URL(admin).port}/verbatim`
  })
  afterAll(async () => {
    await close?.()
    await rm(folder, { recursive: true, force: true })
  })

  async function health(sslmode: string, env: Record<string, string> = {}) {
    const settings = { DATABASE_URL: url + sslmode, DATA_DIR: folder, SIDECAR_URL: 'http://127.0.0.1:1' }
    const service = await startService({ ...settings, ...env })
    const { checks } = await (await fetch(`${service.url}/health/ready`)).json()
    await service.kill('SIGTERM')
    return { database: checks.database.ready, queue: checks.queue.ready }
  }

  test('connects with sslmode=require, whatever authority signed its certificate', async () => {
    expect(await health('?sslmode=require')).toEqual({ database: true, queue: true })
  })

  test('connects with sslmode=verify-full if the certificate is trusted', async () => {
    const trusting = { NODE_EXTRA_CA_CERTS: join(folder, 'ca.crt') }
    expect(await health('?sslmode=verify-full', trusting)).toEqual({ database: true, queue: true })
  })

  test.each([
    ['?sslmode=verify-full', 'unable to verify the first certificate'],
    ['', 'no encryption'],
  ])('reports why it cannot start otherwise: %p', async (sslmode, reason) => {
    const message = await health(sslmode).catch((error: Error) => error.message)
    expect(message).toContain('The database of DATABASE_URL cannot be opened: ')
    expect(message).toContain(reason)
  })
})

/** Creates a certificate for localhost and its authority. Returns the settings of Postgres that use it. */
async function createCertificate(folder: string): Promise<string[]> {
  const at = (name: string) => join(folder, name)
  await writeFile(at('access'), ACCESS)
  await writeFile(at('names'), 'subjectAltName=DNS:localhost')
  const openssl = (line: string) => Bun.$`openssl ${line.split(' ')}`.cwd(folder).quiet()
  await openssl('req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt')
  await openssl('req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr')
  const signing = 'x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2'
  await openssl(`${signing} -extfile names -out server.crt`)
  // Postgres does not run as root and must read the files. No other user may read the key.
  await chmod(folder, 0o755)
  if (process.getuid?.() === 0) {
    const { uid, gid } = await stat('/var/lib/postgresql')
    for (const name of await readdir(folder)) await chown(at(name), uid, gid)
  }
  return [
    'ssl=on',
    `ssl_cert_file=${at('server.crt')}`,
    `ssl_key_file=${at('server.key')}`,
    `hba_file=${at('access')}`,
  ]
}
