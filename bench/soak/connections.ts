import { readFile } from 'node:fs/promises'
import { descriptorsOf } from '../shared/process-sample.ts'

/** How many connections to the port processes hold: of a table of /proc/net, in which addresses and ports are in hex. */
export async function countConnections(pids: number[], port: number): Promise<number> {
  const table = await readFile('/proc/net/tcp', 'utf8').catch(() => '')
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const sockets = new Set(
    table.split('\n').flatMap((line) => {
      const fields = line.trim().split(/\s+/)
      return fields[2]?.endsWith(remote) ? [`socket:[${fields[9]}]`] : []
    }),
  )
  const targets = (await Promise.all(pids.map(descriptorsOf))).flat()
  return targets.filter((target) => sockets.has(target)).length
}
