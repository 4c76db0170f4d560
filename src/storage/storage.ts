/** A key that something is stored under, and when it was written. Some stores tell when that writing began. */
export type StoredKey = { key: string; modifiedAt: Date }

/**
 * Where originals and pcm are kept. A key is a relative path of `[a-z0-9-]` parts, joined by `/`; anything else is
 * refused with a `TypeError`. Several processes may use one store at a time.
 */
export type Storage = {
  /**
   * Streams `body` to `key` at constant memory and gives its size and sha256 (hex). Nothing is seen under `key`
   * until all of it is there, and when the stream fails nothing stays.
   * Throws `storage_full` when there is no room. A store on a disk keeps a reserve of free space, for the database beside it:
   * only a write that `mayUseReserve` takes from it.
   */
  write(
    key: string,
    body: ReadableStream<Uint8Array>,
    options?: { mayUseReserve?: boolean },
  ): Promise<{ bytes: number; sha256: string }>
  /** Bytes from `start` up to but not including `end` (by default to the end). Throws `not_found`. */
  read(key: string, range?: { start: number; end: number }): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>
  /** Throws if nothing can be read or written now: `NotReady` with what to do, or the store's own error. */
  check(): Promise<void>
  /** Size in bytes, or null where there is no such key. */
  size(key: string): Promise<number | null>
  /** Every key below `prefix`, those of one folder together; of their names no more than a folder's are in memory. */
  list(prefix: string): AsyncIterable<StoredKey>
  /** Removes `prefix` and every key below it; removing what is not there is no error. */
  remove(prefix: string): Promise<void>
  /**
   * Removes what writes that never ended have left, but for those that went on after `before`; gives how many they
   * were. A write that it was wrong about fails, and leaves nothing.
   */
  removeAbandoned(before: Date): Promise<number>
  /**
   * Runs `use` with a path on this machine's disk that holds the key's bytes while it runs.
   * Throws `not_found`, and `storage_full` where the store lies elsewhere and this disk has no room for a copy.
   */
  withFile<T>(key: string, use: (path: string) => Promise<T>): Promise<T>
  /**
   * As `withFile`, for whoever may make do with a file's ends: the path holds a file as long as the key's, but where it is
   * not `whole`, only the first and last MiB are in it, and all between reads as zeros.
   */
  withEnds<T>(key: string, use: (path: string, whole: boolean) => Promise<T>): Promise<T>
}

/** As much of it as needs no disk. */
export type Objects = Omit<Storage, 'withFile' | 'withEnds'>
