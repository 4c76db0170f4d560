import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { freePort } from '../../test/e2e/service.ts'
import { childrenOf } from './processes.ts'

/**
 * A Postgres server of its own, in a folder of its own, that is killed and started again as one likes. `fsync: false` leaves
 * the disk's time out of what is measured; `settings` are those of postgresql.conf.
 */
export async function openServer({
  fsync = true,
  settings = [],
}: {
  fsync?: boolean
  settings?: string[]
} = {}) {
  const port = freePort()
  const bin = (await installed()).at(-1)
  if (!bin) throw new Error('There is no Postgres: apt install postgresql')
  const data = await mkdtemp(join(tmpdir(), 'verbatim-postgres-'))
  // It refuses to run as root.
  const as =
    process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : []
  if (as.length > 0) await Bun.$`chown postgres ${data}`.quiet()
  await Bun.$`${as} ${bin}/initdb -D ${data} -A trust -U postgres --locale=C.UTF-8`.cwd(data).quiet()
  const addresses = ['listen_addresses=127.0.0.1', 'unix_socket_directories=']
  const options = [`port=${port}`, ...addresses, `fsync=${fsync ? 'on' : 'off'}`, ...settings]
  const arguments_ = [`${bin}/postgres`, '-D', data, ...options.flatMap((option) => ['-c', option])]
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let server = start()

  function start() {
    return Bun.spawn([...as, ...arguments_], {
      ...{ stdout: 'ignore', stderr: 'ignore', cwd: data },
      // Ctrl-C is for the bench, which ends it in its own time.
      detached: true,
    })
  }

  async function answers(): Promise<boolean> {
    const client = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} })
    try {
      await client`select 1`
      return true
    } catch {
      return false
    } finally {
      await client.end({ timeout: 1 }).catch(() => {})
    }
  }

  async function ready() {
    while (!(await answers())) {
      // It does not start as long as a process of the one before is still about.
      if (server.exitCode !== null || server.signalCode !== null) server = start()
      await Bun.sleep(100)
    }
  }

  await ready()
  return {
    url,
    /** All its processes that run now. */
    pids: async () => [server.pid, ...(await childrenOf(server.pid))],
    /** The whole of it at once, as a machine dies; then it comes up again. */
    async kill() {
      for (const pid of [...(await childrenOf(server.pid)), server.pid]) signal(pid, 'SIGKILL')
      await server.exited
      await rm(join(data, 'postmaster.pid'), { force: true })
      server = start()
      await ready()
    },
    async close() {
      signal(server.pid, 'SIGINT')
      await server.exited
      await rm(data, { recursive: true, force: true })
    },
  }
}

async function installed(): Promise<string[]> {
  const found = new Bun.Glob('usr/lib/postgresql/*/bin').scan({ cwd: '/', onlyFiles: false, absolute: true })
  return (await Array.fromAsync(found)).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

function signal(pid: number, name: NodeJS.Signals) {
  try {
    process.kill(pid, name)
  } catch {
    // It was gone already.
  }
}
