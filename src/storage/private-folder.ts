import { chmod, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Modes of new folders and files: for the owner only, whatever the umask is. */
export const FOLDER_MODE = 0o700
export const FILE_MODE = 0o600

const GROUP_AND_OTHERS = 0o077

/**
 * Creates a folder that only its owner may enter. If it exists already, group and others lose their
 * permissions. A folder of another owner keeps its mode.
 */
export async function makePrivate(folder: string): Promise<void> {
  const created = await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
  if (created !== undefined) return
  const { mode } = await stat(folder)
  if (mode & GROUP_AND_OTHERS) await chmod(folder, mode & 0o7700).catch(() => {})
}

/** Returns the folders below `root` that `makePrivate` could not restrict to their owner. */
export async function openToOthers(root: string, names: string[]): Promise<string[]> {
  const folders = names.map((name) => join(root, name))
  const modes = await Promise.all(
    folders.map((folder) =>
      stat(folder).then(
        ({ mode }) => mode,
        () => 0,
      ),
    ),
  )
  return folders.filter((_, index) => (modes[index] ?? 0) & GROUP_AND_OTHERS)
}
