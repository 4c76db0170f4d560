import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { freePort } from './service.ts'

/** Debian's folder with the programs of the newest installed Postgres; null without one. */
export const POSTGRES_BIN = newestBin()

function newestBin(): string | null {
  const found = Array.from(new Bun.Glob('*/bin/initdb').scanSync({ cwd: '/usr/lib/postgresql' }))
  const newest = found.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).at(-1)
  return newest === undefined ? null : join('/usr/lib/postgresql', newest, '..')
}

const isRoot = process.getuid?.() === 0
/** Postgres refuses to run as root. */
const AS_POSTGRES = isRoot ? ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--init-groups'] : []

/** Runs a program of Postgres. If it fails, throws an error with its output. */
export async function runPostgres(program: string, args: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([...AS_POSTGRES, join(POSTGRES_BIN ?? '', program), ...args], {
    cwd: tmpdir(),
    env: { ...process.env, ...env },
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const printed = await new Response(child.stderr).text()
  if ((await child.exited) !== 0) throw new Error(`${program} failed:\n${printed}`)
}

export type OwnPostgres = Awaited<ReturnType<typeof startPostgres>>

/** A Postgres server that a test may stop. `folder` has its files; by default a temporary folder. */
export async function startPostgres({ folder }: { folder?: string } = {}) {
  const home = folder ?? (await mkdtemp(join(tmpdir(), 'verbatim-postgres-')))
  if (isRoot) await chown(home, ...(await idsOfPostgres()))
  const data = join(home, 'data')
  const port = freePort()
  const locale = ['-E', 'UTF8', '--locale=C.UTF-8']
  await runPostgres('initdb', ['--no-sync', '-D', data, '-A', 'trust', '-U', 'postgres', ...locale])
  // No socket file: its path may be too long, and pg_ctl takes these options as words of a shell.
  // Tests kill the server, but not the machine, so nothing needs to reach the disk.
  const server = `-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -p ${port}`
  const start = () =>
    runPostgres('pg_ctl', ['-D', data, '-o', server, '-l', join(home, 'log'), '-w', 'start'])
  const stop = (mode: 'fast' | 'immediate') => runPostgres('pg_ctl', ['-D', data, '-m', mode, '-w', 'stop'])
  await start()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  return {
    url,
    home,
    start,
    stop,
    /** Creates an empty database as docs/operating.md describes; returns its URL. */
    async createDatabase(name: string): Promise<string> {
      const client = postgres(url, { max: 1 })
      await client.unsafe(`create database ${name} encoding 'UTF8' locale 'C.UTF-8' template template0`)
      await client.end()
      return url.replace(/postgres$/, name)
    },
    async close() {
      await stop('immediate').catch(() => {})
      if (folder === undefined) await rm(home, { recursive: true, force: true })
    },
  }
}

async function idsOfPostgres(): Promise<[uid: number, gid: number]> {
  const line = (await Bun.file('/etc/passwd').text()).split('\n').find((line) => line.startsWith('postgres:'))
  const [, , uid, gid] = line?.split(':') ?? []
  if (!uid || !gid) throw new Error('there is no user postgres')
  return [Number(uid), Number(gid)]
}
