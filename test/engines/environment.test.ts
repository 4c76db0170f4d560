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
import { chmod, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { childEnvironment } from '../../src/engines/local-sidecar/child-environment.ts'
import { ensureEnvironment } from '../../src/engines/local-sidecar/environment.ts'
import { findPython } from '../../src/engines/local-sidecar/python.ts'
import { PYTHON } from '../support/sidecar-dir.ts'
import { engineError } from './engine-error.ts'

const env = childEnvironment(process.env)
/** An environment takes up to a minute on a slow or busy machine. */
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

/** `started` resolves with the first progress report. */
function ensure(
  requirements: string[],
  { home = join(dir, 'home'), signal = within(), childEnv = env } = {},
) {
  const messages: string[] = []
  const started = Promise.withResolvers<void>()
  const report = ({ message }: { message: string }) => {
    messages.push(message)
    started.resolve()
  }
  const work = ensureEnvironment({ dir: home, requirements, python: PYTHON, env: childEnv, report, signal })
  return { work, messages, started: started.promise }
}

const within = () => AbortSignal.timeout(INSTALL_MS)
const environmentsIn = async (home: string) =>
  (await readdir(home)).filter((name) => name.startsWith('venv-'))

test('finds a Python that can create environments', async () => {
  const python = await findPython({ requested: PYTHON, signal: within(), env })
  expect(python.version).toMatch(/^3\.\d+\.\d+$/)
  expect(await findPython({ requested: python.path, signal: within(), env })).toEqual(python)
})

describe('the search for a Python', () => {
  const search = { requested: undefined, signal: within() }
  let bin: string
  beforeEach(async () => {
    bin = join(dir, 'bin')
    await mkdir(bin)
  })

  /** Writes a script that answers the probe as this Python would, under its own name. */
  async function pretend(name: string, version: string, { hasVenv = true, system = 'linux-x86_64' } = {}) {
    const path = join(bin, name)
    const output = JSON.stringify([path, version, hasVenv, system])
    await writeFile(path, `#!/bin/sh\necho '${output}'\n`)
    await chmod(path, 0o755)
    return path
  }
  const find = () => findPython({ ...search, env: { ...env, PATH: bin } })

  test('names the supported versions if there is no Python', async () => {
    const error = await engineError(find())
    expect(error.code).toBe('engine_unavailable')
    expect(error.message).toMatch(
      /^Python 3\.11 to (3\.14|3\.13 for Intel Macs) was not found: install .+, or set PYTHON to its path\.$/,
    )
  })

  test('names the PYTHON that does not run', async () => {
    const error = await engineError(findPython({ ...search, requested: '/nowhere/python', env }))
    expect(error.message).toContain('PYTHON is /nowhere/python')
  })

  test('refuses a Python that is too old, and one without venv', async () => {
    await pretend('python3', '3.9.2')
    await pretend('python3.12', '3.12.1', { hasVenv: false })
    const { message } = await engineError(find())
    expect(message).toContain('python3 is 3.9.2')
    expect(message).toContain('apt install python3.12-venv')
  })

  test('refuses Python 3.15, for which there are no wheels', async () => {
    const path = await pretend('python3', '3.15.0')
    expect((await engineError(find())).message).toBe(
      `Python 3.11 to 3.14 was not found (${path} is 3.15.0): ` +
        'install Python 3.11 to 3.14, or set PYTHON to its path.',
    )
    expect((await engineError(findPython({ ...search, requested: path, env }))).message).toContain('3.15.0')
  })

  test('passes over a Python 3.15 if an older one is there', async () => {
    await pretend('python3', '3.15.0')
    const path = await pretend('python3.14', '3.14.2')
    expect(await find()).toMatchObject({ version: '3.14.2', path: await realpath(path) })
  })

  test('refuses Python 3.14 on Intel Macs only', async () => {
    await pretend('python3', '3.14.0', { system: 'darwin-x86_64' })
    expect((await engineError(find())).message).toStartWith(
      'Python 3.11 to 3.13 for Intel Macs was not found (',
    )
    await pretend('python3', '3.14.0', { system: 'darwin-arm64' })
    expect((await find()).version).toBe('3.14.0')
    await pretend('python3', '3.13.9', { system: 'darwin-x86_64' })
    expect((await find()).version).toBe('3.13.9')
  })
})

// Each test continues with the environment of the previous test, since creating one takes seconds.
describe('an environment', () => {
  let folder: string
  let home: string
  let python: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'verbatim-environment-'))
    home = join(folder, 'home')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('is created again if its installation was killed', async () => {
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
    expect(both.flatMap(({ messages }) => messages).length).toBeGreaterThan(0)
    const version = Bun.spawn([one, '-m', 'pip', '--version'], { stdout: 'ignore' })
    expect(await version.exited).toBe(0)
    python = one
  })

  test('is reused without starting a process', async () => {
    const again = ensure(await requirementsOf('# nothing\n', folder), {
      home,
      childEnv: { ...env, PATH: join(folder, 'empty') },
    })
    expect(await again.work).toBe(python)
    expect(again.messages).toEqual([])
  })

  test('is created again if the requirements changed', async () => {
    const other = await ensure(await requirementsOf('# something else\n', folder), { home }).work
    expect(other).not.toBe(python)
    expect(await environmentsIn(home)).toHaveLength(1)
    python = other
  })

  test('is created again if its Python was removed', async () => {
    await rm(python)
    await symlink('/nowhere/python3.11', python)
    expect(await ensure(await requirementsOf('# something else\n', folder), { home }).work).not.toBe(python)
  })
})

test('a failed installation throws the reason and leaves no environment', async () => {
  const requirements = await requirementsOf('idna==3.10\n')
  const error = await engineError(ensure(requirements).work)
  expect(error.code).toBe('engine_unavailable')
  expect(error.message).toStartWith('Installing the Python packages failed: ')
  expect(error.message).toMatch(/hash/i)
  expect(await environmentsIn(join(dir, 'home'))).toEqual([])
  expect(await readdir(join(dir, 'home'))).not.toContain('environment.json')
})

test('an installation stops when its signal fires', async () => {
  const closing = new AbortController()
  const { work, started } = ensure(await requirementsOf('# nothing\n'), { signal: closing.signal })
  await started
  closing.abort(new Error('closing'))
  await expect(work).rejects.toThrow('closing')
})

test('the child environment has no secret of the service', () => {
  const secrets = {
    JWT_SECRET: 'a',
    DATABASE_URL: 'b',
    HF_TOKEN: 'c',
    AWS_SECRET_ACCESS_KEY: 'd',
    PYTHONPATH: 'e',
  }
  const childEnv = childEnvironment({ ...secrets, PATH: '/bin', PIP_INDEX_URL: 'http://mirror/' })
  expect(childEnv).toMatchObject({ PATH: '/bin', PIP_INDEX_URL: 'http://mirror/' })
  for (const name of Object.keys(secrets)) expect(childEnv).not.toHaveProperty(name)
})
