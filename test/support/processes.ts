import { readdir, readFile } from 'node:fs/promises'

/**
 * The command lines of all running processes whose environment has this value: a process that was started
 * with it, and its descendants. Linux only.
 */
export async function processesMarked(marker: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
      if (!environment.includes(marker)) return null
      const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')
      return `${pid} ${command.replaceAll('\0', ' ')}`
    }),
  )
  return found.filter((line) => line !== null)
}
