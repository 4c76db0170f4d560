import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The secret in `jwt-secret` of the data directory, which is created at the first start. */
export async function readOrCreateSecret(dataDir: string): Promise<string> {
  const file = join(dataDir, 'jwt-secret')
  const stored = await readFile(file, 'utf8').catch(() => null)
  if (stored) return stored
  const draft = `${file}.${crypto.randomUUID()}`
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeFile(draft, randomBytes(32).toString('hex'), { mode: 0o600 })
  try {
    // link fails if the file exists, so processes that start at the same time all read the secret of one of
    // them.
    await link(draft, file).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(draft)
  }
  return readFile(file, 'utf8')
}
