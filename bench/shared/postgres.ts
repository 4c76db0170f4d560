import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { freePort } from '../../test/support/service.ts'
import { childrenOf } from './processes.ts'

/**
 * Starts a new Postgres server in a temporary folder; it can be killed and restarted. `fsync: false` excludes
 * disk latency from measurements. `settings` are lines of postgresql.conf.
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
  if (!bin) throw new Error('Postgres is not installed: apt install postgresql')
  const data = await mkdtemp(join(tmpdir(), 'verbatim-postgres-'))
  // Postgres refuses to run as root.
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
      stdout: 'ignore',
      stderr: 'ignore',
      cwd: data,
      // Ctrl-C must reach only the bench, which stops the server itself.
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
      // The server cannot start while processes of the killed one still run.
      if (server.exitCode !== null || server.signalCode !== null) server = start()
      await Bun.sleep(100)
    }
  }

  await ready()
  return {
    url,
    /** The server's running processes. */
    pids: async () => [server.pid, ...(await childrenOf(server.pid))],
    /** Kills all processes at once, as a power failure would, and restarts the server. */
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
  const folders = new Bun.Glob('usr/lib/postgresql/*/bin').scan({
    cwd: '/',
    onlyFiles: false,
    absolute: true,
  })
  return (await Array.fromAsync(folders)).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

function signal(pid: number, name: NodeJS.Signals) {
  try {
    process.kill(pid, name)
  } catch {
    // The process has ended already.
  }
}
