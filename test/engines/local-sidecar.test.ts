import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { childrenOf } from '../../bench/shared/processes.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { huggingfaceEngine } from '../../src/engines/huggingface/huggingface.ts'
import { childEnvironment } from '../../src/engines/local-sidecar/child-environment.ts'
import { localSidecar } from '../../src/engines/local-sidecar/local-sidecar.ts'
import type { SidecarProcess } from '../../src/engines/local-sidecar/process.ts'
import { engineContract } from '../contracts/engine.ts'
import { fixturePcm, fixtureText } from '../support/pcm.ts'
import { PYTHON, ROOT, SIDECAR_DIR } from '../support/sidecar-dir.ts'
import { engineError } from './engine-error.ts'
import { INSTALL_SECONDS, installed, realSidecar } from './installed-sidecar.ts'
import { spanOf } from './span.ts'

const env = childEnvironment(process.env)

function told({ message }: { message: string }) {
  console.log(message)
}

function local(options: Partial<Parameters<typeof localSidecar>[0]> = {}): Engine {
  return localSidecar({
    ...{ dir: SIDECAR_DIR, root: ROOT, env: process.env, report: told, log: () => {} },
    ...(PYTHON !== undefined && { python: PYTHON }),
    ...options,
  })
}

const speech = async () => ({ pcm: await fixturePcm('speech.wav'), text: await fixtureText() })

engineContract({
  name: 'the local sidecar',
  make: async () => local(),
  speech,
  readySeconds: INSTALL_SECONDS,
})

describe("Hugging Face's client against the sidecar", () => {
  let sidecar: SidecarProcess
  beforeAll(async () => {
    sidecar = await realSidecar()
  }, INSTALL_SECONDS * 1000)
  afterAll(() => sidecar?.stop())

  engineContract({
    name: 'the hosted engine at a sidecar',
    make: async () => huggingfaceEngine({ endpointUrl: `http://127.0.0.1:${await sidecar.ready}` }),
    speech,
    readySeconds: 60,
  })
})

/** The process ids of the sidecars that this process has started and that still run. */
async function children(): Promise<number[]> {
  // A small Linux has no pgrep, and no other system has /proc.
  if (process.platform !== 'linux') {
    const found = Bun.spawn(['pgrep', '-P', String(process.pid), '-f', 'sidecar --exit-with-stdin'])
    return (await new Response(found.stdout).text()).trim().split('\n').filter(Boolean).map(Number)
  }
  const pids = await childrenOf(process.pid)
  const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''))
  const commands = await Promise.all(lines)
  return pids.filter((_, index) => commands[index]?.includes('sidecar\0--exit-with-stdin'))
}

test('a sidecar that is closed during its installation never starts', async () => {
  await installed()
  const before = await children()
  for (const delay of [0, 1, 5, 20, 50]) {
    const engine = local()
    await Bun.sleep(delay)
    await engine.close()
    expect(await children()).toEqual(before)
  }
}, 60_000)

test(
  'a killed sidecar is restarted, and the span in flight can be sent again',
  async () => {
    const before = await children()
    const engine = local()
    try {
      await engine.whenReady(AbortSignal.timeout(INSTALL_SECONDS * 1000))
      const [pid = 0] = (await children()).filter((child) => !before.includes(child))
      const { pcm } = await speech()
      const span = engineError(engine.transcribe(spanOf({ pcm })))
      await Bun.sleep(30)
      process.kill(pid, 'SIGKILL')
      expect((await span).code).toBe('engine_unavailable')
      while (engine.state().ready) await Bun.sleep(5)
      await engine.whenReady(AbortSignal.timeout(60_000))
      expect((await engine.transcribe(spanOf({ pcm }))).segments.length).toBeGreaterThan(0)
      expect(await children()).not.toContain(pid)
    } finally {
      await engine.close()
    }
    expect(await children()).toEqual(before)
    expect((await engineError(engine.transcribe(spanOf()))).code).toBe('engine_unavailable')
  },
  INSTALL_SECONDS * 1000,
)

test(
  'a sidecar that does not respond is killed and restarted, and transcribes the span then',
  async () => {
    const before = await children()
    const engine = local({ silentSeconds: 1 })
    try {
      await engine.whenReady(AbortSignal.timeout(INSTALL_SECONDS * 1000))
      const [pid = 0] = (await children()).filter((child) => !before.includes(child))
      process.kill(pid, 'SIGSTOP')
      const { pcm } = await speech()
      const span = engineError(engine.transcribe(spanOf({ pcm })))
      expect((await span).code).toBe('engine_unavailable')
      while ((await children()).includes(pid)) await Bun.sleep(20)
      await engine.whenReady(AbortSignal.timeout(60_000))
      expect((await engine.transcribe(spanOf({ pcm }))).segments.length).toBeGreaterThan(0)
    } finally {
      await engine.close()
    }
    expect(await children()).toEqual(before)
  },
  INSTALL_SECONDS * 1000,
)

test(
  'the sidecar ends with the process that started it, even if that is killed',
  async () => {
    const { python, model } = await installed()
    const module = join(ROOT, 'src/engines/local-sidecar/process.ts')
    const options = JSON.stringify({ python, model, root: ROOT, env })
    const script = `import { startSidecar } from ${JSON.stringify(module)}
    const sidecar = startSidecar({ ...${options}, log: () => {} })
    await sidecar.ready
    console.log(sidecar.pid)`
    const starter = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'inherit' })
    const { value } = await starter.stdout.getReader().read()
    const pid = Number(new TextDecoder().decode(value))
    expect(process.kill(pid, 0)).toBe(true)
    starter.kill('SIGKILL')
    await starter.exited
    const gone = () => {
      try {
        return !process.kill(pid, 0)
      } catch {
        return true
      }
    }
    while (!gone()) await Bun.sleep(20)
  },
  INSTALL_SECONDS * 1000,
)

describe('the state says what is missing', () => {
  let dir: string
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'verbatim-local-'))
  })
  afterAll(() => rm(dir, { recursive: true, force: true }))

  async function stateOf(engine: Engine): Promise<string> {
    while (!engine.state().detail.includes('Next attempt')) await Bun.sleep(5)
    return engine.state().detail
  }

  test('no Python', async () => {
    const engine = local({ dir, env: { PATH: dir } })
    expect(await stateOf(engine)).toMatch(/^Python 3\.11 to 3\.1\d.* was not found: install Python 3\.11 to /)
    const error = await engineError(engine.transcribe(spanOf()))
    expect(error.code).toBe('engine_unavailable')
    expect(error.message).toContain('Python 3.11')
    const waiting = engine.whenReady(AbortSignal.timeout(50)).catch((reason: unknown) => reason)
    expect(await waiting).toBeInstanceOf(DOMException)
    await engine.close()
  })

  test(
    'no model',
    async () => {
      const engine = local({ model: '/nowhere/model' })
      expect(await stateOf(engine)).toContain('/nowhere/model')
      await engine.close()
    },
    INSTALL_SECONDS * 1000,
  )
})
