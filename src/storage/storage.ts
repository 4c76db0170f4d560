/** A key and when it was written. Some stores return the time at which the write began. */
export type StoredKey = { key: string; modifiedAt: Date }

/**
 * Storage for originals and pcm. A key is a relative path of `[a-z0-9-]` names, joined by `/`; other keys
 * throw a `TypeError`. Several processes may use one store at a time.
 */
export type Storage = {
  /**
   * Streams `body` to `key` at constant memory. Returns its size and SHA-256 (hex). Readers see nothing under
   * `key` until all of it is stored. If the stream fails, nothing of it remains. Throws `storage_full`. A
   * store on a disk keeps free space in reserve, for the database on the same disk; only a write with
   * `mayUseReserve` may use that space. Calls `onChunk` with the size of each chunk that is read; an error
   * that it throws fails the write.
   */
  write(
    key: string,
    body: ReadableStream<Uint8Array>,
    options?: { mayUseReserve?: boolean; onChunk?: (bytes: number) => void },
  ): Promise<{ bytes: number; sha256: string }>
  /**
   * Bytes from `start` up to but not including `end` (default: all). Throws `not_found`. If the key is removed
   * before all is read, the stream may fail with the store's own error.
   */
  read(key: string, range?: { start: number; end: number }): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>
  /**
   * Throws if the store cannot be read or written now: `NotReady` with what to do, or the store's own error.
   */
  check(): Promise<void>
  /** Size in bytes, or null if the key does not exist. */
  size(key: string): Promise<number | null>
  /**
   * Every key below `prefix`. Keys of one folder follow each other. Holds the names of one folder in memory
   * at most.
   */
  list(prefix: string): AsyncIterable<StoredKey>
  /** Removes the key `prefix` and every key below it. It is no error if there is none. */
  remove(prefix: string): Promise<void>
  /**
   * Removes what unfinished writes left, except those that wrote after `before`. Returns how many it removed.
   * If such a write still runs, it fails and leaves nothing.
   */
  removeAbandoned(before: Date): Promise<number>
  /**
   * Runs `use` with the path of a local file that holds the key's bytes until `use` returns.
   * Throws `not_found`, and `storage_full` if the local disk has no room for a copy of a remote object.
   */
  withFile<T>(key: string, use: (path: string) => Promise<T>): Promise<T>
  /**
   * As `withFile`, for callers that need the ends of a file only. The local file has the key's full length.
   * If it is not `whole`, it holds at least the first and the last MiB, and the bytes between them read as
   * zeros.
   */
  withEnds<T>(key: string, use: (path: string, whole: boolean) => Promise<T>): Promise<T>
}

/** The methods that need no local disk. */
export type Objects = Omit<Storage, 'withFile' | 'withEnds'>
