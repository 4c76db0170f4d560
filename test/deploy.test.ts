import { describe, expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import postgres from 'postgres'
import { readSettings, SETTINGS } from '../src/config.ts'
import { maxParallelJobs } from '../src/media/ffmpeg/capacity.ts'
import { prometheusMetrics } from '../src/metrics/prometheus.ts'
import { pgBossQueue } from '../src/queue/pg-boss.ts'
import { databases } from './support/databases.ts'
import { ROOT } from './support/sidecar-dir.ts'

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8')

test('the dashboard and the alerts use metrics that exist', async () => {
  const metrics = prometheusMetrics({
    backlogs: async () => [{ name: 'span', waiting: 0, running: 0, oldestSeconds: 0 }],
    openTranscriptions: async () => ({ queued: 0 }),
    storageSweep: async () => ({ orphans: 0, isStopped: false }),
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

test('compose.yaml and Kubernetes set settings that exist', async () => {
  const compose = await read('compose.yaml')
  const environment = compose.slice(compose.indexOf('&environment'), compose.indexOf('depends_on'))
  const inCompose = [...environment.matchAll(/^ {4}([A-Z_]+):/gm)].map(([, name]) => name)
  const kustomization = await read('deploy/kubernetes/kustomization.yaml')
  const inCluster = [...kustomization.matchAll(/(?:- |=)([A-Z_]+)=/g)].map(([, name]) => name)
  expect(inCompose).toContain('STORAGE_URL')
  expect(inCluster).toContain('DATABASE_URL')
  expect([...inCompose, ...inCluster].filter((name) => !name || !(name in SETTINGS))).toEqual([])
})

type Environment = Record<string, string>
type ComposeService = {
  environment: Environment
  ports?: string[]
  build?: { args: Environment }
  image: string
  read_only?: boolean
}
type Compose = { services: Record<string, ComposeService> }

/** A YAML file as JSON: a list if it has several documents. */
async function parsed(path: string) {
  return JSON.parse(JSON.stringify(Bun.YAML.parse(await read(path))))
}

/** Replaces `${NAME:-default}` and `${NAME:?message}` as Compose does. */
function interpolated(text: string, env: Environment): string {
  return text.replace(/\$\{([A-Z0-9_]+):([-?])([^}]*)\}/g, (_, name: string, kind: string, rest: string) => {
    if (env[name]) return env[name]
    if (kind === '?') throw new Error(rest)
    return rest
  })
}

async function composed(env: Environment): Promise<Compose> {
  const compose = JSON.stringify(await parsed('compose.yaml'))
  return JSON.parse(interpolated(compose, env))
}

const SECRETS = {
  JWT_SECRET: 'x'.repeat(32),
  POSTGRES_PASSWORD: 'password',
  S3_SECRET: 'secret',
  SIDECAR_API_KEY: 'key',
}

describe('compose.yaml', () => {
  /** Settings of a local sidecar, which Compose runs in its own container instead. */
  const OF_OWN_SIDECAR = ['SIDECAR_DIR', 'PYTHON', 'MODEL']

  test.each(['api', 'worker'])('passes every setting to the %s', async (mode) => {
    const { environment } = (await composed(SECRETS)).services[mode] ?? expect.unreachable()
    const expected = Object.keys(SETTINGS).filter((name) => !OF_OWN_SIDECAR.includes(name))
    expect(Object.keys(environment).sort()).toEqual(expected.sort())
    expect(readSettings(environment)).toMatchObject({
      MODE: mode,
      REGISTRATION: 'first',
      NODE_ENV: 'production',
    })
  })

  test('uses the settings of the environment or of a .env file', async () => {
    const env = {
      REGISTRATION: 'closed',
      TRUSTED_PROXIES: '1',
      METRICS_TOKEN: 'token',
      MAX_OPEN_PER_USER: '5',
    }
    const { environment } = (await composed({ ...SECRETS, ...env })).services.api ?? expect.unreachable()
    expect(readSettings(environment)).toMatchObject({
      REGISTRATION: 'closed',
      TRUSTED_PROXIES: 1,
      METRICS_TOKEN: 'token',
      MAX_OPEN_PER_USER: 5,
    })
  })

  test('publishes only the API, and only on this machine by default', async () => {
    const publishedBy = async (env: Environment) => {
      const { services } = await composed({ ...SECRETS, ...env })
      return Object.entries(services).flatMap(([name, { ports = [] }]) =>
        ports.map((port) => `${name} ${port}`),
      )
    }
    expect(await publishedBy({})).toEqual(['api 127.0.0.1:3000:3000'])
    expect(await publishedBy({ PUBLISH_ADDRESS: '0.0.0.0', PUBLISH_PORT: '80' })).toEqual([
      'api 0.0.0.0:80:3000',
    ])
  })

  test('passes the sidecar the key that the worker sends', async () => {
    const { services } = await composed(SECRETS)
    for (const name of ['sidecar-cpu', 'sidecar-gpu']) {
      expect(services[name]?.environment.API_KEY).toBe(SECRETS.SIDECAR_API_KEY)
    }
    expect(services.worker?.environment.SIDECAR_API_KEY).toBe(SECRETS.SIDECAR_API_KEY)
  })

  test.each(Object.keys(SECRETS))('does not start without %s', async (name) => {
    const message = await composed({ ...SECRETS, [name]: '' }).catch((error: Error) => error.message)
    expect(message).toStartWith(`set ${name}`)
  })

  test('runs its images on a read-only file system', async () => {
    const { services } = await composed(SECRETS)
    for (const name of ['api', 'worker', 'sidecar-cpu', 'sidecar-gpu']) {
      expect({ name, readOnly: services[name]?.read_only }).toEqual({ name, readOnly: true })
    }
  })
})

test('images are pinned to a release, and packages to the lockfiles', async () => {
  const { services } = await composed(SECRETS)
  const files = [await read('Dockerfile'), await read('Dockerfile.gpu')]
  const images = [
    ...files.flatMap((text) => [...text.matchAll(/^ARG \w+=(.+)$/gm)].map(([, image]) => image)),
    ...Object.values(services).flatMap(({ build, image }) => (build ? Object.values(build.args) : [image])),
  ]
  expect(images.length).toBe(8)
  expect(images.filter((image) => !/:v?\d+\.\d+[\w.-]*$/.test(image ?? ''))).toEqual([])
  expect(files[0]).toContain('bun install --frozen-lockfile')
  expect(files[1]).toContain('pip install --no-cache-dir --require-hashes')
})

test('the packages for a GPU are those for a CPU, except for CTranslate2 and OpenVINO', async () => {
  const packages = async (name: string) =>
    [...(await read(`sidecar/${name}`)).matchAll(/^([\w-]+)==(\S+)/gm)].map(([pin]) => pin)
  const [cpu, gpu] = await Promise.all([packages('requirements.txt'), packages('requirements-gpu.txt')])
  const missingIn = (others: string[], pins: string[]) =>
    pins.filter((pin) => !others.includes(pin)).map((pin) => pin.split('==')[0])
  expect(missingIn(gpu, cpu)).toEqual(['ctranslate2', 'openvino', 'openvino-telemetry'])
  // CTranslate2 needs setuptools up to 4.7.
  expect(missingIn(cpu, gpu)).toEqual(['ctranslate2', 'setuptools'])
})

type Probe = { exec?: { command: string[] }; httpGet?: object }
type Container = {
  name: string
  env: { name: string; value: string }[]
  resources: { limits: { cpu: string; memory: string } }
  securityContext: Record<string, unknown>
  volumeMounts: { name: string; mountPath: string }[]
  startupProbe: Probe
  livenessProbe: Probe
}
type Pod = {
  automountServiceAccountToken: boolean
  containers: Container[]
  volumes: { name: string; emptyDir?: object }[]
}
type Deployment = { kind: string; spec: { template: { metadata: { labels: Environment }; spec: Pod } } }

describe('Kubernetes', () => {
  async function pods() {
    const [api]: Deployment[] = await parsed('deploy/kubernetes/api.yaml')
    const worker: Deployment = await parsed('deploy/kubernetes/worker.yaml')
    return [api, worker].map((one) => one?.spec.template ?? expect.unreachable())
  }
  const containers = async () => (await pods()).flatMap(({ spec }) => spec.containers)

  test('pods have no service account token and a read-only root file system', async () => {
    for (const { spec } of await pods()) {
      expect(spec.automountServiceAccountToken).toBe(false)
      const writable = spec.volumes.filter(({ emptyDir }) => emptyDir).map(({ name }) => name)
      for (const { securityContext, volumeMounts } of spec.containers) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        const temporary = volumeMounts.find(({ mountPath }) => mountPath === '/tmp')
        expect(writable).toContain(temporary?.name ?? '')
      }
    }
  })

  test('the memory of a container is enough for a decoder on each core', async () => {
    const service = (await containers()).filter(({ name }) => name !== 'sidecar')
    expect(service.map(({ name }) => name)).toEqual(['api', 'worker'])
    for (const { resources } of service) {
      const cores = Number(resources.limits.cpu)
      expect(maxParallelJobs({ cores, memoryBytes: bytesOf(resources.limits.memory) })).toBe(cores)
    }
  })

  test('the sidecar listens on loopback, and its probes use that address', async () => {
    const sidecar = (await containers()).find(({ name }) => name === 'sidecar') ?? expect.unreachable()
    expect(sidecar.env).toContainEqual({ name: 'HOST', value: '127.0.0.1' })
    expect(sidecar.resources.limits).toMatchObject({ cpu: expect.any(String), memory: expect.any(String) })
    for (const { httpGet, exec } of [sidecar.startupProbe, sidecar.livenessProbe]) {
      expect(httpGet).toBeUndefined()
      expect(exec?.command.at(-1)).toContain('http://127.0.0.1:8080/health')
    }
  })

  test('network policies allow only the ports of the API and of the metrics', async () => {
    type Policy = {
      spec: {
        podSelector: { matchLabels: Environment }
        policyTypes: string[]
        ingress?: { ports: object[] }[]
      }
    }
    const [closed, ...others]: Policy[] = await parsed('deploy/kubernetes/network.yaml')
    expect(closed?.spec.policyTypes).toEqual(['Ingress', 'Egress'])
    expect(closed?.spec.ingress).toBeUndefined()
    for (const { metadata } of await pods())
      expect(metadata.labels).toMatchObject(closed?.spec.podSelector.matchLabels ?? {})
    const opened = others.flatMap(({ spec }) => spec.ingress ?? []).flatMap(({ ports }) => ports)
    expect(opened).toEqual([{ port: 'http' }, { port: 'http' }])
    expect(JSON.stringify(closed)).toContain('169.254.169.254/32')
  })

  test('the example Ingress has TLS and does not expose health and metrics', async () => {
    const { spec } = await parsed('deploy/kubernetes/ingress.yaml')
    expect(spec.tls[0].hosts).toEqual([spec.rules[0].host])
    const paths = spec.rules[0].http.paths.map(({ path }: { path: string }) => path)
    expect(paths).toEqual(expect.arrayContaining(['/api', '/v1', '/swagger', '/', '/t', '/assets']))
    for (const path of ['/health', '/metrics']) expect(paths).not.toContain(path)
    const { resources } = await parsed('deploy/kubernetes/kustomization.yaml')
    expect(resources).toContain('network.yaml')
    expect(resources).not.toContain('ingress.yaml')
  })

  test('KEDA has a secret of its own', async () => {
    const [authentication] = await parsed('deploy/kubernetes/scaling.yaml')
    expect(authentication.spec.secretTargetRef).toEqual([
      { parameter: 'connection', name: 'verbatim-scaling', key: 'DATABASE_URL' },
    ])
  })
})

const real = databases.find(({ name }) => name === 'Postgres')

describe.skipIf(!real)('the database role of KEDA', () => {
  test('can count the jobs, and can neither write nor read anything else', async () => {
    if (!real) return
    const database = await real.open()
    const url = database.url ?? ''
    const role = `verbatim_scaling_${crypto.randomUUID().replaceAll('-', '')}`
    const admin = postgres(url, { max: 1, onnotice: () => {} })
    const queue = await pgBossQueue({ url, listen: database.listen, onError: () => {} })
    try {
      const text = await read('deploy/kubernetes/scaling.yaml')
      const lines = [...text.matchAll(/^# {3}(create role|alter role|grant) .*$/gm)].map(([line]) =>
        line.slice(4),
      )
      expect(lines.length).toBe(4)
      await admin.unsafe(lines.join('\n').replaceAll('verbatim_scaling', role))
      const [, scaling] = await parsed('deploy/kubernetes/scaling.yaml')
      await admin.unsafe(`set role ${role}`)
      const [counted] = await admin.unsafe(scaling.spec.triggers[0].metadata.query)
      expect(counted?.count).toBe('0')
      for (const refused of [
        'select * from pgboss.job',
        'select count(*) from users',
        "update pgboss.job set name = 'x'",
        'delete from pgboss.job',
      ]) {
        const error = await admin.unsafe(refused).catch((error: Error) => error)
        expect({ refused, error }).toMatchObject({
          error: { message: expect.stringContaining('permission denied') },
        })
      }
    } finally {
      await admin.unsafe(`reset role; drop owned by ${role}; drop role ${role}`)
      await admin.end()
      await queue.stop(0)
      await database.close()
    }
  })
})

/** `1536Mi` or `2Gi`, as Kubernetes writes quantities. */
function bytesOf(quantity: string): number {
  const [, number, unit] = /^(\d+)(Mi|Gi)$/.exec(quantity) ?? []
  return Number(number) * 2 ** (unit === 'Gi' ? 30 : 20)
}

/** Docker's plugin or the standalone program; null if neither is installed. */
const compose = [['docker', 'compose'], ['docker-compose']].find(
  ([program = '', ...rest]) => Bun.which(program) && Bun.spawnSync([program, ...rest, 'version']).success,
)

describe.skipIf(!compose)('Compose', () => {
  /** `compose.yaml` as Compose resolves it. */
  function configured(profile: string, env: Record<string, string>) {
    const { PATH = '', HOME = '' } = process.env
    const command = [...(compose ?? []), '--profile', profile, 'config', '--format', 'json']
    const { success, stdout, stderr } = Bun.spawnSync(command, { cwd: ROOT, env: { PATH, HOME, ...env } })
    return { success, stdout: stdout.toString(), stderr: stderr.toString() }
  }

  test.each(['cpu', 'gpu'])('resolves the profile %s to valid settings of the service', (profile) => {
    const { stdout, stderr } = configured(profile, SECRETS)
    expect(stderr).toBe('')
    const { services } = JSON.parse(stdout)
    expect(Object.keys(services).sort()).toEqual(['api', 'postgres', 's3', `sidecar-${profile}`, 'worker'])
    expect(services[`sidecar-${profile}`].networks.inference.aliases).toEqual(['sidecar'])
    for (const mode of ['api', 'worker']) {
      expect(readSettings(services[mode].environment)).toMatchObject({
        MODE: mode,
        SIDECAR_URL: ['http://sidecar:8080'],
        STORAGE_URL: { endpoint: 'http://s3:7070', bucket: 'verbatim' },
      })
    }
  })

  test.each(Object.keys(SECRETS))('refuses to start without %s', (name) => {
    const { success, stderr } = configured('cpu', { ...SECRETS, [name]: '' })
    expect(success).toBe(false)
    expect(stderr).toContain(`set ${name}`)
  })
})

test.skipIf(!Bun.which('promtool'))('the alerts fire only under their conditions', () => {
  const { success, stderr } = Bun.spawnSync(['promtool', 'test', 'rules', 'test/support/alerts.yaml'], {
    cwd: ROOT,
  })
  expect({ success, said: stderr.toString() }).toMatchObject({ success: true })
})
