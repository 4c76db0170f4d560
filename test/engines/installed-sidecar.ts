import { join } from 'node:path'
import { childEnvironment } from '../../src/engines/local-sidecar/child-environment.ts'
import { ensureEnvironment } from '../../src/engines/local-sidecar/environment.ts'
import { ensureModel } from '../../src/engines/local-sidecar/model.ts'
import { type SidecarProcess, startSidecar } from '../../src/engines/local-sidecar/process.ts'
import type { Report } from '../../src/engines/local-sidecar/report.ts'
import { PYTHON, ROOT, SIDECAR_DIR } from '../support/sidecar-dir.ts'
import { type Asked, type Heard, Refusal } from './hosted-shapes.ts'

/** How long a first install may take. */
export const INSTALL_SECONDS = 600

/** The models that a sidecar fetches itself are fetched once for all tests. */
const env = { MODEL_CACHE: SIDECAR_DIR, ...childEnvironment(process.env) }

const report: Report = ({ message }) => console.log(message)

/** The Python and the model of the tests' sidecar, which are installed where they are missing. */
export async function installed() {
  const signal = AbortSignal.timeout(INSTALL_SECONDS * 1000)
  const requirements = [join(ROOT, 'sidecar', 'requirements.txt')]
  const shared = { dir: SIDECAR_DIR, env, report, signal }
  const python = await ensureEnvironment({ ...shared, requirements, python: PYTHON })
  return { python, model: await ensureModel({ ...shared, root: ROOT, python }) }
}

/** A real sidecar on a port of its own. */
export async function realSidecar(settings: Record<string, string> = {}): Promise<SidecarProcess> {
  return startSidecar({ ...(await installed()), root: ROOT, env: { ...env, ...settings }, log: () => {} })
}

/** A real sidecar where an operator would run one: at an address that it keeps over its starts. */
export async function sidecarAt(port: number) {
  const { python, model } = await installed()
  const url = `http://127.0.0.1:${port}`
  const child = Bun.spawn([python, '-m', 'sidecar', '--exit-with-stdin'], {
    cwd: ROOT,
    env: { ...env, HOST: '127.0.0.1', PORT: String(port), MODEL: model },
    stdin: 'pipe',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  return {
    url,
    async kill() {
      child.kill('SIGKILL')
      await child.exited
    },
  }
}

/** The transcript of the sidecar at `url`. */
export async function hearingThrough(url: string, { wav, language, task }: Asked): Promise<Heard> {
  const query = new URLSearchParams({ language: language ?? 'auto', task, details: 'true' })
  const headers = { 'content-type': 'audio/wav' }
  const answer = await fetch(`${url}/generate?${query}`, { method: 'POST', headers, body: wav })
  const said = await answer.json()
  if (!answer.ok) throw new Refusal(answer.status, said.error)
  return said
}
