import { chmod, lstat, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Modes of new files and folders: access for the owner only, whatever the umask is. */
export const FOLDER_MODE = 0o700
export const FILE_MODE = 0o600

const GROUP_AND_OTHERS = 0o077

/**
 * Creates a folder for its owner only, or removes the permissions of group and others from an existing one.
 */
export async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
  await removePermissions(folder)
}

/** Does the same for a folder and everything in it. Files of another user keep their mode. */
export async function makeAllPrivate(folder: string): Promise<void> {
  await makePrivate(folder)
  const names = await readdir(folder, { recursive: true })
  await Promise.all(names.map((name) => removePermissions(join(folder, name))))
}

async function removePermissions(path: string): Promise<void> {
  const entry = await lstat(path)
  if (entry.isSymbolicLink() || !(entry.mode & GROUP_AND_OTHERS)) return
  await chmod(path, entry.mode & 0o7700).catch(() => {})
}
