import { statfs } from 'node:fs/promises'
import { StartError } from '../errors.ts'

/**
 * Postgres extends its write-ahead log by segments of 16 MiB. If the next one does not fit, PGlite does not
 * fail: its call never returns and blocks the event loop. The database therefore becomes read-only before
 * that.
 */
const MIN_FREE_BYTES = 64 * 2 ** 20
/** `busy`: while statements are executed. */
const CHECK_MS = { busy: 1_000, idle: 10_000 }

/** The field `C` (SQLSTATE) of an error response, which ends with NUL. */
const READ_ONLY = 'C25006\0'
const DISK_FULL = 'C53100\0'

/** Throws `StartError` if the disk of `folder` has too little space to open the database. */
export async function requireDisk(folder: string): Promise<void> {
  const free = await freeBytes(folder)
  if (free >= MIN_FREE_BYTES) return
  const sizes = `${toMib(free)} MiB are free, and the database needs ${toMib(MIN_FREE_BYTES)}`
  throw new StartError(`The disk of DATA_DIR is full: ${sizes}; free some space`)
}

/**
 * Makes the database in `folder` read-only while its disk is nearly full. Writes then fail as on a full disk,
 * with SQLSTATE 53100 (`disk_full`). Does nothing without a folder.
 */
export function guardDisk(folder: string | undefined) {
  let isFull = false
  let checkedAt = 0
  let refresh = () => {}
  let timer: ReturnType<typeof setInterval> | undefined

  return {
    /** Takes each response of Postgres. Changes the code of an error in it, in place. */
    onResponse(response: Buffer): void {
      const at = isFull ? response.indexOf(READ_ONLY) : -1
      if (at >= 0) response.write(DISK_FULL, at, 'latin1')
      if (performance.now() - checkedAt >= CHECK_MS.busy) refresh()
    },

    start(setReadOnly: (isReadOnly: boolean) => Promise<unknown>): void {
      if (folder === undefined) return
      async function check(folder: string) {
        const isNearlyFull = (await freeBytes(folder)) < MIN_FREE_BYTES
        if (isNearlyFull === isFull) return
        await setReadOnly(isNearlyFull)
        isFull = isNearlyFull
      }
      refresh = () => {
        checkedAt = performance.now()
        // After an error, the next check tries again.
        void check(folder).catch(() => {})
      }
      timer = setInterval(refresh, CHECK_MS.idle)
      timer.unref()
    },

    stop(): void {
      clearInterval(timer)
    },
  }
}

const toMib = (bytes: number) => Math.floor(bytes / 2 ** 20)

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
