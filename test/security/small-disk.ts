import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEGABYTE = 2 ** 20

/** Mounts a small file system in memory, for a test to fill. Null if this user may not mount one. */
export const openSmallDisk = mayMount() ? open : null

function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  // In a separate namespace, so that nothing stays mounted.
  return Bun.spawnSync(['unshare', '-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).success
}

async function open({ megabytes }: { megabytes: number }) {
  const path = await mkdtemp(join(tmpdir(), 'verbatim-disk-'))
  run(['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'none', path])
  const filler = join(path, 'filler')

  return {
    path,
    /** Fills the disk until this many MiB are free. */
    async leave(free: number) {
      await rm(filler, { force: true })
      const { stdout } = Bun.spawnSync(['df', '--output=avail', '-B1', path])
      const bytes = Number(stdout.toString().trim().split('\n').at(-1)) - free * MEGABYTE
      run(['fallocate', '-l', String(bytes), filler])
    },
    /** Frees the space that `leave` filled. */
    free: () => rm(filler, { force: true }),
    async close() {
      run(['umount', '-l', path])
      await rm(path, { recursive: true, force: true })
    },
  }
}

function run(command: string[]) {
  const { success, stderr } = Bun.spawnSync(command)
  if (!success) throw new Error(`${command.join(' ')}: ${stderr}`)
}
