/** Where originals and pcm are kept. Keys are relative paths of `[a-z0-9-]` parts joined by `/` and `.`. */
export type Storage = {
  /**
   * Streams `body` to `key` at constant memory and gives its size and sha256 (hex). Nothing is visible under `key`
   * until all of it is there; on an error, an abort or a crash nothing is left that `sweep` would not find.
   * Throws `storage_full` when there is no room.
   */
  write(key: string, body: ReadableStream<Uint8Array>): Promise<{ bytes: number; sha256: string }>
  /** Bytes from `start` (inclusive) to `end` (exclusive; default: the end). Throws `not_found`. */
  read(key: string, range?: { start: number; end?: number }): Promise<ReadableStream<Uint8Array>>
  /** Size in bytes, or null where there is no such key. */
  size(key: string): Promise<number | null>
  /** Removes every key that starts with `prefix`; removing what is not there is no error. */
  remove(prefix: string): Promise<void>
  /** Runs `use` with a path on this machine's disk that holds the key's bytes while it runs. */
  withFile<T>(key: string, use: (path: string) => Promise<T>): Promise<T>
  /** Runs `make` with a path to write to; what it wrote is then kept under `key` (nothing is, if it throws). */
  fromFile<T>(key: string, make: (path: string) => Promise<T>): Promise<T>
  close(): Promise<void>
}
