import { expect, test } from 'bun:test'
import { StartError } from '../../src/errors.ts'
import { claimStorage, OWNER_KEY } from '../../src/retention/storage-owner.ts'
import { diskStorage } from '../../src/storage/disk.ts'
import { storageFull } from '../../src/storage/free-space.ts'
import { databases } from '../support/databases.ts'
import { temporaryFolder } from '../support/recordings.ts'

test.each(databases)(
  'a service whose disk is full starts only if it owns its storage, on $name',
  async (kind) => {
    await using folder = await temporaryFolder()
    const { db, close } = await kind.open()
    const storage = await diskStorage({ root: folder.path })
    const lines: string[] = []
    const options = { db, mayBeOlder: false, log: (line: string) => lines.push(line) }
    const full = { ...storage, write: () => Promise.reject(storageFull()) }

    const refused = await claimStorage({ ...options, storage: full }).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(StartError)
    expect(String(refused)).toContain('no room left')

    await claimStorage({ ...options, storage })
    expect(await storage.size(OWNER_KEY)).toBeGreaterThan(0)
    await claimStorage({ ...options, storage: full })
    expect(lines.at(-1)).toBe('cannot write the `owner` file of the storage')
    await close()
  },
)
