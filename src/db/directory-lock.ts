import { SQLiteError, Database as Sqlite } from 'bun:sqlite'
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../errors.ts'
import { FILE_MODE, FOLDER_MODE } from './private-files.ts'

/** The data directory is another live process's. */
export class DirectoryLocked extends StartError {
  override name = 'DirectoryLocked'
}

/**
 * Keeps a data directory to one process. Throws `DirectoryLocked`, naming the holder's pid.
 *
 * The lock is SQLite's lock on a file of its own, so the kernel lets go of it however its holder dies. A file that
 * only told a pid would outlive a kill, and in a container the next process often has the very same pid.
 */
export function lockDirectory(directory: string): { release(): void } {
  try {
    mkdirSync(directory, { recursive: true, mode: FOLDER_MODE })
  } catch (error) {
    throw new StartError(`${directory} cannot be made: ${sentence(error)}; set DATA_DIR to a folder`)
  }
  const pidFile = join(directory, 'verbatim.pid')
  const lockFile = join(directory, 'verbatim.lock')
  try {
    for (const file of [pidFile, lockFile]) createPrivate(file)
  } catch (error) {
    throw new StartError(`${directory} cannot be written: ${sentence(error)}; set DATA_DIR to another folder`)
  }
  const lock = new Sqlite(lockFile)
  try {
    lock.run('pragma journal_mode = memory')
    lock.run('begin exclusive')
  } catch (error) {
    lock.close()
    if (!(error instanceof SQLiteError && error.code === 'SQLITE_BUSY')) throw error
    throw new DirectoryLocked(
      `${directory} is in use by another Verbatim (pid ${pidIn(pidFile)}): stop it, or set DATA_DIR to another folder`,
    )
  }
  writeFileSync(pidFile, `${process.pid}\n`)
  return { release: () => lock.close() }
}

function createPrivate(file: string) {
  closeSync(openSync(file, 'a', FILE_MODE))
  chmodSync(file, FILE_MODE)
}

function sentence(error: unknown) {
  return error instanceof Error ? error.message : String(error)
}

function pidIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return 'unknown'
  }
}
