import { chmod, lstat, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Modes of what is created: for the owner only, whatever the umask is. */
export const FOLDER_MODE = 0o700
export const FILE_MODE = 0o600

const OF_OTHERS = 0o077

/** Creates a folder for its owner only, or takes the permissions of group and others away. */
export async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
  await withdraw(folder)
}

/** As `makePrivate`, with everything in the folder. What belongs to another user keeps its mode. */
export async function makeAllPrivate(folder: string): Promise<void> {
  await makePrivate(folder)
  const names = await readdir(folder, { recursive: true })
  await Promise.all(names.map((name) => withdraw(join(folder, name))))
}

async function withdraw(path: string): Promise<void> {
  const entry = await lstat(path)
  if (entry.isSymbolicLink() || !(entry.mode & OF_OTHERS)) return
  await chmod(path, entry.mode & 0o7700).catch(() => {})
}
