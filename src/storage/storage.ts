/** Where originals and pcm are kept. A key is a relative path of `[a-z0-9-]` parts, joined by `/`. */
export type Storage = {
  /**
   * Streams `body` to `key` at constant memory and gives its size and sha256 (hex). Nothing is seen under `key`
   * until all of it is there, and when the stream fails nothing stays.
   * Throws `storage_full` when there is no room.
   */
  write(key: string, body: ReadableStream<Uint8Array>): Promise<{ bytes: number; sha256: string }>
  /** Bytes from `start` up to but not including `end` (by default to the end). Throws `not_found`. */
  read(key: string, range?: { start: number; end: number }): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>
  /** Size in bytes, or null where there is no such key. */
  size(key: string): Promise<number | null>
  /** The names directly below `prefix`. */
  list(prefix: string): Promise<string[]>
  /** Removes `prefix` and every key below it; removing what is not there is no error. */
  remove(prefix: string): Promise<void>
  /** Runs `use` with a path on this machine's disk that holds the key's bytes while it runs. Throws `not_found`. */
  withFile<T>(key: string, use: (path: string) => Promise<T>): Promise<T>
  /** Runs `make` with a path to write to, then keeps what it wrote under `key`; if it throws, nothing stays. */
  fromFile<T>(key: string, make: (path: string) => Promise<T>): Promise<T>
}
