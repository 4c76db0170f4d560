import { statfs } from 'node:fs/promises'
import type { PGlite } from '@electric-sql/pglite'
import { StartError } from '../errors.ts'

/**
 * Postgres extends its write-ahead log by segments of 16 MiB. If there is no room for the next one, PGlite does not fail: its
 * call never returns, and the process with its event loop stands still. So no writes are allowed before that.
 */
const LEAST_FREE_BYTES = 64 * 2 ** 20
const LOOK_MS = 1_000

const READ_ONLY = '25006'
const DISK_FULL = '53100'

/** Throws `StartError` if there is no room to open the database in `folder`. */
export async function requireDisk(folder: string): Promise<void> {
  const left = await bytesLeft(folder)
  if (left >= LEAST_FREE_BYTES) return
  const [has, needs] = [left, LEAST_FREE_BYTES].map((bytes) => Math.floor(bytes / 2 ** 20))
  throw new StartError(
    `The disk of DATA_DIR is full: ${has} MiB are free, and the database needs ${needs}; make room`,
  )
}

/**
 * Makes the database read-only while its disk is nearly full. Writes then fail as they do on a full disk: with SQLSTATE
 * 53100. Returns the function that ends the guard.
 */
export function guardDisk({ client, folder }: { client: PGlite; folder: string }): () => void {
  let isFull = false

  async function refresh() {
    const isNearlyFull = (await bytesLeft(folder)) < LEAST_FREE_BYTES
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
  // What cannot be found out now is found out by the next refresh.
  const timer = setInterval(() => void refresh().catch(() => {}), LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

async function bytesLeft(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
