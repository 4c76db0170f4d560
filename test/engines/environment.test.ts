import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test'
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { childEnvironment } from '../../src/engines/local-sidecar/child-environment.ts'
import { ensureEnvironment } from '../../src/engines/local-sidecar/environment.ts'
import { findPython } from '../../src/engines/local-sidecar/python.ts'
import { PYTHON } from '../support/sidecar-dir.ts'
import { engineError } from './engine-error.ts'

const env = childEnvironment(process.env)
/** Far more than is needed: an environment takes a minute on a slow machine, or a busy one. */
const INSTALL_MS = 300_000
setDefaultTimeout(INSTALL_MS)

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'verbatim-environment-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

async function requirementsOf(text: string, folder = dir): Promise<string[]> {
  const path = join(folder, 'requirements.txt')
  await writeFile(path, text)
  return [path]
}

/** `begun` resolves once there is something to report. */
function ensure(requirements: string[], { home = join(dir, 'home'), signal = within(), given = env } = {}) {
  const told: string[] = []
  const begun = Promise.withResolvers<void>()
  const report = ({ message }: { message: string }) => {
    told.push(message)
    begun.resolve()
  }
  const work = ensureEnvironment({ dir: home, requirements, python: PYTHON, env: given, report, signal })
  return { work, told, begun: begun.promise }
}

const within = () => AbortSignal.timeout(INSTALL_MS)
const environmentsIn = async (home: string) =>
  (await readdir(home)).filter((name) => name.startsWith('venv-'))

test('finds a Python that can make environments', async () => {
  const python = await findPython({ asked: PYTHON, signal: within(), env })
  expect(python.version).toMatch(/^3\.\d+\.\d+$/)
  expect(await findPython({ asked: python.path, signal: within(), env })).toEqual(python)
})

test('says in one sentence that Python is missing, too old or not whole, and how to cure it', async () => {
  const ask = { asked: undefined, signal: within() }
  const none = await engineError(findPython({ ...ask, env: { ...env, PATH: join(dir, 'empty') } }))
  expect(none.code).toBe('engine_unavailable')
  expect(none.message).toBe(
    'Python 3.11 or newer was not found: install Python 3.11 or newer, or set PYTHON to the path of one.',
  )
  const wrong = await engineError(findPython({ ...ask, asked: '/nowhere/python', env }))
  expect(wrong.message).toContain('PYTHON is /nowhere/python')

  const bin = join(dir, 'bin')
  await mkdir(bin)
  const pretend = async (name: string, said: string) => {
    await writeFile(join(bin, name), `#!/bin/sh\necho '${said}'\n`)
    await chmod(join(bin, name), 0o755)
  }
  await pretend('python3', `["${bin}/python3", "3.9.2", true]`)
  await pretend('python3.12', `["${bin}/python3.12", "3.12.1", false]`)
  const both = await engineError(findPython({ ...ask, env: { ...env, PATH: bin } }))
  expect(both.message).toContain('python3 is 3.9.2')
  expect(both.message).toContain('apt install python3.12-venv')
})

// Each test continues with the environment of the test before: making one takes seconds.
describe('an environment', () => {
  let folder: string
  let home: string
  let python: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'verbatim-environment-'))
    home = join(folder, 'home')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('whose install is killed at any moment is not taken for a whole one', async () => {
    const requirements = await requirementsOf('# nothing\n', folder)
    const script = join(folder, 'install.ts')
    const module = join(import.meta.dir, '../../src/engines/local-sidecar/environment.ts')
    const options = { dir: home, requirements, python: PYTHON, env }
    await writeFile(
      script,
      `import { ensureEnvironment } from ${JSON.stringify(module)}
      await ensureEnvironment({ ...${JSON.stringify(options)}, report: () => console.log('begun'),
        signal: new AbortController().signal })`,
    )
    const installing = Bun.spawn([process.execPath, script], { stdout: 'pipe', stderr: 'inherit' })
    await installing.stdout.getReader().read()
    installing.kill('SIGKILL')
    await installing.exited

    const both = [ensure(requirements, { home }), ensure(requirements, { home })]
    const [one = '', other] = await Promise.all(both.map(({ work }) => work))
    expect(one).toBe(other ?? '')
    expect(both.flatMap(({ told }) => told).length).toBeGreaterThan(0)
    const version = Bun.spawn([one, '-m', 'pip', '--version'], { stdout: 'ignore' })
    expect(await version.exited).toBe(0)
    python = one
  })

  test('that stands is used again without any process', async () => {
    const again = ensure(await requirementsOf('# nothing\n', folder), {
      home,
      given: { ...env, PATH: join(folder, 'empty') },
    })
    expect(await again.work).toBe(python)
    expect(again.told).toEqual([])
  })

  test('is made anew from other requirements', async () => {
    const other = await ensure(await requirementsOf('# something else\n', folder), { home }).work
    expect(other).not.toBe(python)
    expect(await environmentsIn(home)).toHaveLength(1)
    python = other
  })

  test('whose Python was removed since is made anew', async () => {
    await rm(python)
    await symlink('/nowhere/python3.11', python)
    expect(await ensure(await requirementsOf('# something else\n', folder), { home }).work).not.toBe(python)
  })
})

test('an install that fails says why and leaves nothing that looks finished', async () => {
  const requirements = await requirementsOf('idna==3.10\n')
  const error = await engineError(ensure(requirements).work)
  expect(error.code).toBe('engine_unavailable')
  expect(error.message).toStartWith('Installing the Python packages failed: ')
  expect(error.message).toMatch(/hash/i)
  expect(await environmentsIn(join(dir, 'home'))).toEqual([])
  expect(await readdir(join(dir, 'home'))).not.toContain('environment.json')
})

test('an install stops at once when it is told to', async () => {
  const closing = new AbortController()
  const { work, begun } = ensure(await requirementsOf('# nothing\n'), { signal: closing.signal })
  await begun
  closing.abort(new Error('closing'))
  await expect(work).rejects.toThrow('closing')
})

test('the children get no secret of the service', () => {
  const secrets = {
    JWT_SECRET: 'a',
    DATABASE_URL: 'b',
    HF_TOKEN: 'c',
    AWS_SECRET_ACCESS_KEY: 'd',
    PYTHONPATH: 'e',
  }
  const given = childEnvironment({ ...secrets, PATH: '/bin', PIP_INDEX_URL: 'http://mirror/' })
  expect(given).toMatchObject({ PATH: '/bin', PIP_INDEX_URL: 'http://mirror/' })
  for (const name of Object.keys(secrets)) expect(given).not.toHaveProperty(name)
})
