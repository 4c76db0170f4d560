import { runOnFiles } from '../upload/file-store.ts'

/** In the store of kept files, apart from those of uploads. */
const PREFIX = 'shared-'

export async function keepShared(files: File[]): Promise<void> {
  for (const file of files) {
    await runOnFiles('readwrite', (store) => store.put(file, `${PREFIX}${crypto.randomUUID()}`))
  }
}

/** Returns the shared files, and removes them from the store. */
export async function takeShared(): Promise<File[]> {
  const range = IDBKeyRange.bound(PREFIX, `${PREFIX}\uffff`)
  const values: unknown[] = (await runOnFiles('readonly', (store) => store.getAll(range))) ?? []
  await runOnFiles('readwrite', (store) => store.delete(range))
  return values.filter((value) => value instanceof File)
}
