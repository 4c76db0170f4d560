import { statfs } from 'node:fs/promises'
import type { PGlite } from '@electric-sql/pglite'
import { StartError } from '../errors.ts'

/**
 * Postgres extends its write-ahead log by segments of 16 MiB. If the next one does not fit, PGlite does not
 * fail: its call never returns and blocks the event loop. The database therefore becomes read-only before
 * that.
 */
const MIN_FREE_BYTES = 64 * 2 ** 20
const CHECK_MS = 1_000

const READ_ONLY = '25006'
const DISK_FULL = '53100'

/** Throws `StartError` if the disk of `folder` has too little space to open the database. */
export async function requireDisk(folder: string): Promise<void> {
  const free = await freeBytes(folder)
  if (free >= MIN_FREE_BYTES) return
  const sizes = `${toMib(free)} MiB are free, and the database needs ${toMib(MIN_FREE_BYTES)}`
  throw new StartError(`The disk of DATA_DIR is full: ${sizes}; free some space`)
}

/**
 * Makes the database read-only while its disk is nearly full. Writes then fail as on a full disk, with
 * SQLSTATE 53100 (`disk_full`). Returns the function that stops the guard.
 */
export function guardDisk({ client, folder }: { client: PGlite; folder: string }): () => void {
  let isFull = false

  async function refresh() {
    const isNearlyFull = (await freeBytes(folder)) < MIN_FREE_BYTES
    if (isNearlyFull === isFull) return
    await client.exec(`set default_transaction_read_only = ${isNearlyFull ? 'on' : 'off'}`)
    isFull = isNearlyFull
  }

  const execute = client.execProtocolStream.bind(client)
  client.execProtocolStream = (message, options) =>
    execute(message, options).catch((error) => {
      if (isFull && error.code === READ_ONLY) error.code = DISK_FULL
      throw error
    })
  // After an error, the next interval checks again.
  const timer = setInterval(() => void refresh().catch(() => {}), CHECK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

const toMib = (bytes: number) => Math.floor(bytes / 2 ** 20)

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
