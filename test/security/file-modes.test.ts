import { afterEach, expect, test } from 'bun:test'
import { chmod, lstat, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { lockDirectory } from '../../src/db/directory-lock.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { diskStorage } from '../../src/storage/disk.ts'
import { streamOf } from '../contracts/storage.ts'
import { signUp } from '../support/client.ts'
import { startFakeSidecar } from '../support/fake-sidecar.ts'
import { fixture } from '../support/recordings.ts'
import { BUN, startService, withFolder } from '../support/service.ts'

const umask = process.umask()
afterEach(() => void process.umask(umask))

/** The folder and its contents, as far as other users than the owner may read, write or enter them. */
async function openToOthersIn(folder: string): Promise<string[]> {
  const paths = [folder, ...(await readdir(folder, { recursive: true })).map((name) => join(folder, name))]
  const modes = await Promise.all(paths.map(async (path) => ({ path, mode: (await lstat(path)).mode })))
  return modes
    .filter(({ mode }) => mode & 0o077)
    .map(({ path, mode }) => `${(mode & 0o777).toString(8)} ${relative(folder, path)}`)
}

test('lock, database and storage create files for their owner only, with any umask', async () => {
  await withFolder(async (folder) => {
    process.umask(0)
    const root = join(folder, 'data')
    const lock = lockDirectory(root)
    const database = await openPglite({ dataDir: join(root, 'postgres') })
    const storage = await diskStorage({ root })
    await storage.write('transcriptions/one/audio', streamOf(new Uint8Array(100_000)))
    expect(await openToOthersIn(root)).toEqual([])
    await database.close()
    lock.release()
    expect(await openToOthersIn(root)).toEqual([])
    expect((await readdir(root)).toSorted()).toEqual([
      ...['files', 'incoming', 'postgres', 'verbatim.lock', 'verbatim.pid'],
    ])
  })
})

test('the next start closes folders and database files of an older version to others', async () => {
  await withFolder(async (root) => {
    process.umask(0)
    await (await openPglite({ dataDir: join(root, 'postgres') })).close()
    for (const name of ['files', 'incoming']) await mkdir(join(root, name))
    for (const name of ['verbatim.lock', 'verbatim.pid']) await writeFile(join(root, name), '')
    await chmod(join(root, 'postgres'), 0o755)
    await chmod(join(root, 'postgres', 'PG_VERSION'), 0o666)
    expect((await openToOthersIn(root)).toSorted()).toEqual([
      ...['666 postgres/PG_VERSION', '666 verbatim.lock', '666 verbatim.pid'],
      ...['755 postgres', '777 files', '777 incoming'],
    ])
    const lock = lockDirectory(root)
    const database = await openPglite({ dataDir: join(root, 'postgres') })
    await diskStorage({ root })
    expect(await openToOthersIn(root)).toEqual([])
    await database.close()
    lock.release()
  })
})

test('a service with umask 000 leaves no file in DATA_DIR that others may read', async () => {
  const sidecar = startFakeSidecar()
  try {
    await withFolder(async (folder) => {
      const DATA_DIR = join(folder, 'data')
      const command = ['sh', '-c', 'umask 000; exec "$0" "$@"', ...BUN, 'src/main.ts']
      const env = { DATA_DIR, SIDECAR_URL: sidecar.url }
      const service = await startService(env, command, { createsDatabase: true })
      const user = await signUp(service.url)
      sidecar.allow(0)
      const ids = [await user.upload(Bun.file(fixture('speech.mp3')))]
      // The pcm stays until the span is transcribed.
      while ((await user.status(ids[0] ?? '')).duration === null) await Bun.sleep(20)
      expect(await readdir(join(DATA_DIR, 'files', 'transcriptions', ids[0] ?? ''))).toContain('pcm')
      expect(await openToOthersIn(DATA_DIR)).toEqual([])
      sidecar.release()
      expect((await user.finished(ids[0] ?? '')).status).toBe('completed')
      expect(await service.kill('SIGTERM')).toBe(0)
      expect(await openToOthersIn(DATA_DIR)).toEqual([])
    })
  } finally {
    await sidecar.stop()
  }
})
