import { runOnFiles } from '../upload/file-store.ts'

/** In the store of kept files, apart from those of uploads. */
const PREFIX = 'shared-'

export async function keepShared(files: File[]): Promise<void> {
  for (const file of files) {
    await runOnFiles('readwrite', (store) => store.put(file, `${PREFIX}${crypto.randomUUID()}`))
  }
}

/**
 * Passes the shared files to `add`, and removes them from the store once it is done: a page that is left before that leaves
 * them to the next one.
 */
export async function takeShared(add: (files: File[]) => Promise<void>): Promise<void> {
  const range = IDBKeyRange.bound(PREFIX, `${PREFIX}\uffff`)
  const keys = (await runOnFiles('readonly', (store) => store.getAllKeys(range))) ?? []
  const values: unknown[] = (await runOnFiles('readonly', (store) => store.getAll(range))) ?? []
  await add(values.filter((value) => value instanceof File))
  for (const key of keys) await runOnFiles('readwrite', (store) => store.delete(key))
}
