// Sends valid and invalid requests of the OpenAPI document to a running service, and compares the responses
// with the document. `bun test/schemathesis/run.ts`; passes its arguments to `schemathesis run`, such as
// `--max-time 60` or `--seed 1`.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { simulatedSidecar } from '../../bench/shared/simulated-sidecar.ts'
import { childEnvironment } from '../../src/engines/local-sidecar/child-environment.ts'
import { ensureEnvironment } from '../../src/engines/local-sidecar/environment.ts'
import { clientOf, textAt } from '../support/api-client.ts'
import { startService } from '../support/service.ts'
import { PYTHON, ROOT } from '../support/sidecar-dir.ts'

const python = await ensureEnvironment({
  dir: join(ROOT, 'node_modules', '.cache', 'verbatim', 'schemathesis'),
  requirements: [join(import.meta.dir, 'requirements.txt')],
  python: PYTHON,
  env: childEnvironment(process.env),
  report: ({ message }) => console.log(message),
  signal: AbortSignal.timeout(300_000),
})
const folder = await mkdtemp(join(tmpdir(), 'verbatim-schemathesis-'))
const sidecar = simulatedSidecar({ answerMs: 10 })
const service = await startService({
  DATA_DIR: join(folder, 'data'),
  SIDECAR_URL: `http://127.0.0.1:${sidecar.port}`,
  LOGINS_PER_MINUTE: '1000000',
})
try {
  const anyone = clientOf(service.url)
  const { body } = await anyone.post('/api/auth/register', {
    email: 'schemathesis@example.com',
    // Not the password of the document's example: a request with that one would delete the account.
    password: crypto.randomUUID(),
  })
  const token = textAt(body, 'access_token')
  const command = [
    '--config-file',
    join(import.meta.dir, 'schemathesis.toml'),
    'run',
    `${service.url}/swagger/json`,
  ]
  const child = Bun.spawn(
    [
      join(dirname(python), 'schemathesis'),
      ...command,
      '--header',
      `Authorization: Bearer ${token}`,
      '--max-time',
      '120',
      ...process.argv.slice(2),
    ],
    {
      cwd: folder,
      env: { ...childEnvironment(process.env), SCHEMATHESIS_HOOKS: join(import.meta.dir, 'hooks.py') },
      stdout: 'inherit',
      stderr: 'inherit',
    },
  )
  process.exitCode = await child.exited
} finally {
  await service.kill('SIGTERM')
  await sidecar.stop(true)
  await rm(folder, { recursive: true, force: true })
}
