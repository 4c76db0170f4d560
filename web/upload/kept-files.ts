import { runOnFiles } from './file-store.ts'

/**
 * Files in IndexedDB, so that an upload can resume after a reload without asking for its file: recordings, which are
 * nowhere else, and files of up to 64 MiB. Where there is no IndexedDB (private windows), nothing is kept.
 */
const MAX_BYTES = 64 * 2 ** 20
export async function keepFile(
  key: string,
  file: File,
  { isRecording }: { isRecording: boolean },
): Promise<void> {
  if (isRecording || file.size <= MAX_BYTES) await runOnFiles('readwrite', (store) => store.put(file, key))
}

export async function findKeptFile(key: string): Promise<File | null> {
  const value: unknown = await runOnFiles('readonly', (store) => store.get(key))
  return value instanceof File ? value : null
}

export async function dropKeptFile(key: string): Promise<void> {
  await runOnFiles('readwrite', (store) => store.delete(key))
}
