import { DirectoryLocked, lockDirectory } from '../../src/db/directory-lock.ts'

/** A process that locks a directory, prints `locked`, and holds the lock until it is killed or its stdin ends. */
try {
  lockDirectory(process.argv[2] ?? '')
  console.log('locked')
  await Bun.stdin.text()
} catch (error) {
  if (!(error instanceof DirectoryLocked)) throw error
  console.log(error.message)
}
