/**
 * Files in IndexedDB, so that an upload can resume after a reload without asking for its file: recordings, which are
 * nowhere else, and files of up to 64 MiB. Where there is no IndexedDB (private windows), nothing is kept.
 */
const MAX_BYTES = 64 * 2 ** 20
const STORE = 'files'

let database: Promise<IDBDatabase> | null = null

function open(): Promise<IDBDatabase> {
  database ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('verbatim', 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  return database
}

async function run<T>(
  mode: IDBTransactionMode,
  use: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T | null> {
  try {
    const transaction = (await open()).transaction(STORE, mode)
    const request = use(transaction.objectStore(STORE))
    return await new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result)
      transaction.onabort = () => reject(transaction.error)
    })
  } catch {
    return null
  }
}

export async function keepFile(
  key: string,
  file: File,
  { isRecording }: { isRecording: boolean },
): Promise<void> {
  if (isRecording || file.size <= MAX_BYTES) await run('readwrite', (store) => store.put(file, key))
}

export async function findKeptFile(key: string): Promise<File | null> {
  const value: unknown = await run('readonly', (store) => store.get(key))
  return value instanceof File ? value : null
}

export async function dropKeptFile(key: string): Promise<void> {
  await run('readwrite', (store) => store.delete(key))
}
