import { expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DirectoryLocked, lockDirectory } from '../../src/db/directory-lock.ts'
import { temporaryFolder } from '../support/recordings.ts'

const HOLDER = fileURLToPath(new URL('./lock-holder.ts', import.meta.url))

/** Starts another process that tries to take the lock. `output` is the first line that it prints. */
async function startContender(directory: string) {
  const child = Bun.spawn([process.execPath, HOLDER, directory], { stdin: 'pipe', stdout: 'pipe' })
  const { value } = await child.stdout.getReader().read()
  return { child, output: new TextDecoder().decode(value).trim() }
}

function messageOf(attempt: () => unknown): string {
  try {
    attempt()
  } catch (error) {
    if (error instanceof DirectoryLocked) return error.message
    throw error
  }
  throw new Error('nothing was thrown')
}

test('a second process gets an error with the pid of the first, and the lock after its release', async () => {
  await using folder = await temporaryFolder()
  const directory = join(folder.path, 'several', 'new', 'folders')
  const lock = lockDirectory(directory)
  const refused = await startContender(directory)
  expect(refused.output).toContain(directory)
  expect(refused.output).toContain(`(pid ${process.pid})`)
  expect(refused.output).toContain('DATA_DIR')
  await refused.child.exited
  expect(messageOf(() => lockDirectory(directory))).toContain(`(pid ${process.pid})`)
  lock.release()
  const next = await startContender(directory)
  expect(next.output).toBe('locked')
  expect(messageOf(() => lockDirectory(directory))).toContain(`(pid ${next.child.pid})`)
  next.child.kill('SIGKILL')
  await next.child.exited
  lockDirectory(directory).release()
})

test('one process can lock two directories', async () => {
  await using folder = await temporaryFolder()
  const locks = ['one', 'two'].map((name) => lockDirectory(join(folder.path, name)))
  for (const lock of locks) lock.release()
})

test('a broken lock file is not reported as another process', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'verbatim.lock'), 'not a SQLite database'.repeat(100))
  expect(() => lockDirectory(folder.path)).toThrow()
  expect(() => lockDirectory(folder.path)).not.toThrow(DirectoryLocked)
})
