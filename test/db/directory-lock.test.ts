import { expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DirectoryLocked, lockDirectory } from '../../src/db/directory-lock.ts'
import { temporaryFolder } from '../support/recordings.ts'

const HOLDER = fileURLToPath(new URL('./lock-holder.ts', import.meta.url))

/** Another process that tries to take the lock; `said` is its first line. */
async function contender(directory: string) {
  const child = Bun.spawn([process.execPath, HOLDER, directory], { stdin: 'pipe', stdout: 'pipe' })
  const { value } = await child.stdout.getReader().read()
  return { child, said: new TextDecoder().decode(value).trim() }
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

test('another process is told who holds the directory, and takes it over once that one has let go', async () => {
  await using folder = await temporaryFolder()
  const directory = join(folder.path, 'made', 'on', 'the', 'way')
  const lock = lockDirectory(directory)
  const refused = await contender(directory)
  expect(refused.said).toContain(directory)
  expect(refused.said).toContain(`(pid ${process.pid})`)
  expect(refused.said).toContain('DATA_DIR')
  await refused.child.exited
  expect(messageOf(() => lockDirectory(directory))).toContain(`(pid ${process.pid})`)
  lock.release()
  const next = await contender(directory)
  expect(next.said).toBe('locked')
  expect(messageOf(() => lockDirectory(directory))).toContain(`(pid ${next.child.pid})`)
  next.child.kill('SIGKILL')
  await next.child.exited
  lockDirectory(directory).release()
})

test('two directories do not know of each other', async () => {
  await using folder = await temporaryFolder()
  const locks = ['one', 'two'].map((name) => lockDirectory(join(folder.path, name)))
  for (const lock of locks) lock.release()
})

test('a lock that cannot be taken for another reason blames no other process', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'verbatim.lock'), 'something else altogether'.repeat(100))
  expect(() => lockDirectory(folder.path)).toThrow()
  expect(() => lockDirectory(folder.path)).not.toThrow(DirectoryLocked)
})
