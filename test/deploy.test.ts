import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { readSettings, SETTINGS } from '../src/config.ts'
import { prometheusMetrics } from '../src/metrics/prometheus.ts'
import { ROOT } from './sidecar-dir.ts'

setDefaultTimeout(60_000)

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8')

test('the dashboard and the alerts ask for series that there are', async () => {
  const metrics = prometheusMetrics({
    backlogs: async () => [{ name: 'span', waiting: 0, running: 0, oldestSeconds: 0 }],
    openTranscriptions: async () => ({ queued: 0 }),
    hostedSecondsToday: async () => 0,
  })
  metrics.request({ method: 'GET', route: '/', status: 200, seconds: 1 })
  metrics.span({ engine: 'sidecar', outcome: 'done', seconds: 1, audioSeconds: 1 })
  const { body } = await metrics.exposition()
  const there = new Set([...body.matchAll(/^([a-z_]+)[ {]/gm)].map(([, name]) => name))
  const dashboard: { panels: { targets: { expr: string }[] }[] } = JSON.parse(
    await read('deploy/grafana/verbatim.json'),
  )
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  const asked = [...expressions, await read('deploy/prometheus/alerts.yaml')].flatMap(
    (text) => text.match(/\b(verbatim|process)_[a-z_]+/g) ?? [],
  )
  expect(asked.length).toBeGreaterThan(10)
  expect(asked.filter((name) => !there.has(name))).toEqual([])
})

test('what is deployed sets settings that there are', async () => {
  const compose = await read('compose.yaml')
  const environment = compose.slice(compose.indexOf('&environment'), compose.indexOf('depends_on'))
  const inCompose = [...environment.matchAll(/^ {4}([A-Z_]+):/gm)].map(([, name]) => name)
  const kustomization = await read('deploy/kubernetes/kustomization.yaml')
  const inCluster = [...kustomization.matchAll(/(?:- |=)([A-Z_]+)=/g)].map(([, name]) => name)
  expect(inCompose).toContain('STORAGE_URL')
  expect(inCluster).toContain('DATABASE_URL')
  expect([...inCompose, ...inCluster].filter((name) => !name || !(name in SETTINGS))).toEqual([])
})

/** Docker's own, or the standalone program; null where there is neither. */
const compose = [['docker', 'compose'], ['docker-compose']].find(
  ([program = '', ...rest]) => Bun.which(program) && Bun.spawnSync([program, ...rest, 'version']).success,
)

describe.skipIf(!compose)('Compose', () => {
  const secrets = { JWT_SECRET: 'x'.repeat(32), POSTGRES_PASSWORD: 'password', S3_SECRET: 'secret' }

  /** `compose.yaml` as Compose understands it. */
  function configured(profile: string, env: Record<string, string>) {
    const { PATH = '', HOME = '' } = process.env
    const command = [...(compose ?? []), '--profile', profile, 'config', '--format', 'json']
    const { success, stdout, stderr } = Bun.spawnSync(command, { cwd: ROOT, env: { PATH, HOME, ...env } })
    return { success, stdout: stdout.toString(), stderr: stderr.toString() }
  }

  test.each(['cpu', 'gpu'])('the profile %s is a service with settings that it takes', (profile) => {
    const { stdout, stderr } = configured(profile, secrets)
    expect(stderr).toBe('')
    const { services } = JSON.parse(stdout)
    expect(Object.keys(services).sort()).toEqual(['api', 'postgres', 's3', `sidecar-${profile}`, 'worker'])
    expect(services[`sidecar-${profile}`].networks.default.aliases).toEqual(['sidecar'])
    for (const mode of ['api', 'worker']) {
      expect(readSettings(services[mode].environment)).toMatchObject({
        MODE: mode,
        SIDECAR_URL: ['http://sidecar:8080'],
        STORAGE_URL: { endpoint: 'http://s3:7070', bucket: 'verbatim' },
      })
    }
  })

  test.each(Object.keys(secrets))('nothing starts without %s', (name) => {
    const { success, stderr } = configured('cpu', { ...secrets, [name]: '' })
    expect(success).toBe(false)
    expect(stderr).toContain(`set ${name}`)
  })
})

test.skipIf(!Bun.which('promtool'))('the alerts ring when they are to, and only then', () => {
  const { success, stderr } = Bun.spawnSync(['promtool', 'test', 'rules', 'test/alerts.yaml'], { cwd: ROOT })
  expect({ success, said: stderr.toString() }).toMatchObject({ success: true })
})
