import { SQLiteError, Database as Sqlite } from 'bun:sqlite'
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../errors.ts'
import { FILE_MODE, FOLDER_MODE } from './private-files.ts'

/** Another live process uses the data directory. */
export class DirectoryLocked extends StartError {
  override name = 'DirectoryLocked'
}

/**
 * Locks a data directory for this process. Throws `DirectoryLocked` with the pid of the process that holds
 * the lock.
 *
 * The lock is SQLite's lock on a separate file: the kernel releases it however the process ends. A pid file
 * only would outlive a killed process, and in a container the next process often has the same pid.
 */
export function lockDirectory(directory: string): { release(): void } {
  try {
    mkdirSync(directory, { recursive: true, mode: FOLDER_MODE })
  } catch (error) {
    throw new StartError(`Cannot create ${directory}: ${messageOf(error)}; set DATA_DIR to another folder`)
  }
  const pidFile = join(directory, 'verbatim.pid')
  const lockFile = join(directory, 'verbatim.lock')
  try {
    for (const file of [pidFile, lockFile]) createPrivate(file)
  } catch (error) {
    throw new StartError(`Cannot write to ${directory}: ${messageOf(error)}; set DATA_DIR to another folder`)
  }
  const lock = new Sqlite(lockFile)
  try {
    lock.run('pragma journal_mode = memory')
    lock.run('begin exclusive')
  } catch (error) {
    lock.close()
    if (!(error instanceof SQLiteError && error.code === 'SQLITE_BUSY')) throw error
    const holder = `another Verbatim (pid ${pidIn(pidFile)})`
    throw new DirectoryLocked(
      `${directory} is in use by ${holder}: stop it, or set DATA_DIR to another folder`,
    )
  }
  writeFileSync(pidFile, `${process.pid}\n`)
  return { release: () => lock.close() }
}

function createPrivate(file: string) {
  closeSync(openSync(file, 'a', FILE_MODE))
  chmodSync(file, FILE_MODE)
}

function messageOf(error: unknown) {
  return error instanceof Error ? error.message : String(error)
}

function pidIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return 'unknown'
  }
}
