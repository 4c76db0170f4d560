import { describe, expect, test } from 'bun:test'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

const SRC = fileURLToPath(new URL('../src', import.meta.url))

/** `path` is relative to src. `imports` are paths relative to src, or names of packages. `code` has no comments. */
type Module = { path: string; imports: string[]; code: string }

const ENTRIES = ['main.ts', 'make-admin.ts', 'edge.ts', 'cli/main.ts', 'cli/local-service.ts']
const WIRING = [
  'app.ts',
  'api-services.ts',
  'assemble.ts',
  'assemble-edge.ts',
  'open-database.ts',
  'open-engines.ts',
  'open-queue.ts',
  'open-traces.ts',
  'run.ts',
  'serve.ts',
  'worker.ts',
  'quickstart.ts',
  'cli/serve.ts',
]
/** The modules of the command line that start a service. The others know its HTTP API only. */
const SERVICE_STARTERS = ['cli/serve.ts', 'cli/local.ts', 'cli/local-service.ts']
/** Wiring that chooses adapters. `open-*.ts` map settings to the adapters of one port. */
const ASSEMBLIES = [
  'assemble.ts',
  'assemble-edge.ts',
  'open-database.ts',
  'open-engines.ts',
  'open-queue.ts',
  'open-traces.ts',
]
const FEATURES = [
  'admin',
  'auth',
  'limits',
  'transcriptions',
  'retention',
  'health',
  'webhooks',
  'tus',
  'openai',
  'assemblyai',
  'deepgram',
  'page',
  'info',
]
/** Features that may import any module of another feature: a second API for it, and the removal of its files. */
const EXTENDS: Record<string, string> = {
  openai: 'transcriptions',
  assemblyai: 'transcriptions',
  deepgram: 'transcriptions',
  retention: 'transcriptions',
}
const PORTS = ['engines', 'media', 'storage', 'queue', 'db', 'outbound', 'metrics', 'traces']
/** The ports and pure modules, which anyone may import. The other modules of these folders are adapters. */
const OPEN = [
  'engines/circuit-breaker.ts',
  'engines/engine.ts',
  'engines/failover.ts',
  'engines/models.ts',
  'engines/shared/backoff.ts',
  'engines/huggingface/providers.ts',
  'engines/openai/server.ts',
  'media/media.ts',
  'media/other-content.ts',
  'media/refusals.ts',
  'media/signature.ts',
  'media/span-plan.ts',
  'media/wav.ts',
  'storage/storage.ts',
  'queue/jobs.ts',
  'queue/notified-loop.ts',
  'queue/poll-loop.ts',
  'queue/queue.ts',
  'db/changes.ts',
  'db/columns.ts',
  'db/database.ts',
  'db/outage.ts',
  'db/schema.ts',
  'metrics/metrics.ts',
  'traces/traces.ts',
  'outbound/outbound.ts',
  'outbound/networks.ts',
]
/** Wraps Elysia's JWT plugin. */
const JWT_PLUGIN = 'auth/access-tokens.ts'
/** Use Bun, Node or a library that not every runtime has. */
const FEATURE_ADAPTERS = [
  'auth/argon2id.ts',
  'auth/portable-argon2id.ts',
  // Reads and writes a file with node:fs.
  'auth/secret-file.ts',
  // Builds the page with Bun.
  'page/built-page.ts',
  'transcriptions/reading/node-hmac.ts',
]

const folderOf = (path: string) => path.split('/')[0] ?? ''
const within = (folders: string[]) => (path: string) => path.includes('/') && folders.includes(folderOf(path))
const isEntry = (path: string) => ENTRIES.includes(path)
const isWiring = (path: string) => WIRING.includes(path)
const isFeature = within(FEATURES)
const isHttp = within(['http'])
const isCommandLine = within(['cli'])
const isAdapter = (path: string) =>
  FEATURE_ADAPTERS.includes(path) || (within(PORTS)(path) && !OPEN.includes(path))
const isStore = (path: string) => isFeature(path) && path.endsWith('.store.ts')
const isRoutes = (path: string) => /\.(schemas|routes)\.ts$/.test(path)
/** Whether `to` is in the feature of `from`, or in the feature that it extends. */
const isOwn = (from: string, to: string) => [folderOf(from), EXTENDS[folderOf(from)]].includes(folderOf(to))
const isPackage = (name: string) => (path: string) => path === name || path.startsWith(`${name}/`)
const isElysia = (path: string) => isPackage('elysia')(path) || path.startsWith('@elysiajs/')
const isSettings = (path: string) => path === 'config.ts' || path.startsWith('config/')
const isRuntime = (path: string) => /^(node|bun):|^bun$/.test(path)

/** `breach` is true for a forbidden import. */
const RULES: { rule: string; breach: (from: string, to: string) => boolean }[] = [
  { rule: 'no module imports an entry', breach: (_, to) => isEntry(to) },
  {
    rule: 'only entries and the wiring import the wiring',
    breach: (from, to) => isWiring(to) && !isEntry(from) && !isWiring(from) && to !== 'cli/serve.ts',
  },
  {
    rule: 'the command line imports no module of the service',
    breach: (from, to) =>
      isCommandLine(from) && to.endsWith('.ts') && !isCommandLine(to) && !SERVICE_STARTERS.includes(from),
  },
  {
    rule: 'the service imports no module of the command line',
    breach: (from, to) => isCommandLine(to) && !isCommandLine(from),
  },
  {
    rule: 'ports and adapters import no feature, no HTTP and no settings',
    breach: (from, to) =>
      within(PORTS)(from) && (isFeature(to) || isHttp(to) || isElysia(to) || isSettings(to)),
  },
  {
    rule: 'the database imports no other port',
    breach: (from, to) => within(['db'])(from) && within(PORTS)(to) && !within(['db'])(to),
  },
  { rule: 'src/http imports no feature', breach: (from, to) => isHttp(from) && isFeature(to) },
  {
    rule: 'in a feature only routes and schemas import HTTP',
    breach: (from, to) =>
      isFeature(from) && !isRoutes(from) && from !== JWT_PLUGIN && (isHttp(to) || isElysia(to)),
  },
  {
    rule: 'in a feature only stores import the tables',
    breach: (from, to) =>
      isFeature(from) && !isStore(from) && (isPackage('drizzle-orm')(to) || to === 'db/schema.ts'),
  },
  {
    rule: 'a store imports only stores of its own feature',
    breach: (from, to) => isStore(from) && isFeature(to) && !(isStore(to) && isOwn(from, to)),
  },
  {
    rule: 'a feature imports only stores of another feature',
    breach: (from, to) => isFeature(from) && isFeature(to) && !isOwn(from, to) && !isStore(to),
  },
  {
    rule: 'routes import no store',
    breach: (from, to) => isRoutes(from) && (isStore(to) || to.startsWith('db/')),
  },
  {
    rule: 'only assemblies import adapters',
    breach: (from, to) => {
      const own = isAdapter(from) && folderOf(from) === folderOf(to)
      // An entry catches the error of this module.
      const isLockError = isEntry(from) && to === 'db/directory-lock.ts'
      return isAdapter(to) && !ASSEMBLIES.includes(from) && !own && !isLockError
    },
  },
  {
    rule: 'only entries, assemblies and adapters import node: and bun:',
    breach: (from, to) =>
      isRuntime(to) && !mayUseRuntime(from) && !(from === 'edge.ts' && to === 'node:process'),
  },
]

/** `edge.ts` and `assemble-edge.ts` also run on runtimes without Bun and most of Node. */
const RUNTIME_WIRING = [
  'main.ts',
  'make-admin.ts',
  'run.ts',
  'serve.ts',
  'assemble.ts',
  'open-database.ts',
  'open-engines.ts',
  'open-queue.ts',
]
const mayUseRuntime = (path: string) =>
  RUNTIME_WIRING.includes(path) || isAdapter(path) || isCommandLine(path)

function breachesOf({ path, imports, code }: Module): string[] {
  const breaches = RULES.flatMap(({ rule, breach }) =>
    imports.filter((to) => breach(path, to)).map((to) => `${path} → ${to}: ${rule}`),
  )
  if (/\b(process|Bun)\.env\b|\bimport\.meta\.env\b/.test(code) && !isEntry(path)) {
    breaches.push(`${path}: only entries read the environment`)
  }
  const own = path === 'edge.ts' ? /\b(Bun|Buffer)\./ : /\b(Bun|Buffer|process)\./
  if (own.test(code) && !mayUseRuntime(path)) {
    breaches.push(`${path}: only entries, assemblies and adapters use Bun, Buffer and process`)
  }
  return breaches
}

function moduleOf(path: string, source: string): Module {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
  const matches = code.matchAll(
    /\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]|new URL\(\s*['"](\.[^'"]+\.ts)['"]/g,
  )
  const imports = [...matches].map(([, imported = '', worker]) => {
    const name = worker ?? imported
    return name.startsWith('.') ? normalize(join(dirname(path), name)) : name
  })
  return { path, imports, code }
}

async function modules(): Promise<Module[]> {
  const files = await readdir(SRC, { recursive: true })
  const paths = files.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  return Promise.all(paths.map(async (path) => moduleOf(path, await readFile(join(SRC, path), 'utf8'))))
}

test('every import follows the rules', async () => {
  expect((await modules()).flatMap(breachesOf)).toEqual([])
})

test('no two features import each other', async () => {
  const arrows = (await modules()).flatMap(({ path, imports }) =>
    imports
      .filter((to) => isFeature(path) && isFeature(to) && folderOf(path) !== folderOf(to))
      .map((to) => ({ path, to, name: `${folderOf(path)} → ${folderOf(to)}` })),
  )
  const names = new Set(arrows.map(({ name }) => name))
  const mutual = arrows.filter(({ path, to }) => names.has(`${folderOf(to)} → ${folderOf(path)}`))
  expect(mutual.map(({ path, to }) => `${path} → ${to}`)).toEqual([])
})

/** Modules of Node that Deno and workerd have too. */
const EVERYWHERE = ['node:async_hooks', 'node:crypto', 'node:process']

/** All modules that `path` imports, directly or not, including types. */
function reachedFrom(path: string, all: Map<string, Module>, reached = new Set<string>()): Set<string> {
  const module = all.get(path)
  if (!module || reached.has(path)) return reached
  reached.add(path)
  for (const to of module.imports) reachedFrom(to, all, reached)
  return reached
}

test('edge.ts loads no Bun and only those Node modules that Deno and workerd have', async () => {
  const all = new Map((await modules()).map((module) => [module.path, module]))
  const breaches = [...reachedFrom('edge.ts', all)].flatMap((path) => {
    const { imports = [], code = '' } = all.get(path) ?? {}
    const foreign = imports.filter((to) => isRuntime(to) && !EVERYWHERE.includes(to))
    return [
      ...foreign.map((to) => `${path} → ${to}`),
      ...(/\b(Bun|Buffer)\./.test(code) ? [`${path}: Bun`] : []),
    ]
  })
  expect(breaches).toEqual([])
  expect([...reachedFrom('edge.ts', all)]).toContain('storage/s3/objects.ts')
})

test('edge.ts does not load the dictionaries of Chinese scripts, whose size would slow its start', async () => {
  const all = new Map((await modules()).map((module) => [module.path, module]))
  const users = [...all.values()].filter(({ imports }) => imports.some((to) => to.startsWith('opencc-js')))
  expect(users.map(({ path }) => path)).toEqual(['transcriptions/pipeline/chinese-script.ts'])
  expect([...reachedFrom('edge.ts', all)]).not.toContain('transcriptions/pipeline/chinese-script.ts')
})

test('every import resolves to a module, so none escapes the rules', async () => {
  const all = await modules()
  const paths = new Set(all.map(({ path }) => path))
  const unresolved = all.flatMap(({ path, imports }) =>
    imports
      .filter((to) => /^[a-z][^:@]*\/?.*\.ts$/.test(to) && !paths.has(to))
      .map((to) => `${path} → ${to}`),
  )
  expect(unresolved).toEqual([])
  expect([...paths]).toEqual(expect.arrayContaining([...OPEN, ...FEATURE_ADAPTERS, 'main.ts', ...WIRING]))
})

describe('a rule reports a breach', () => {
  test.each([
    ['worker.ts', "import './main.ts'", 'no module imports an entry'],
    ['health/health.ts', "import { assemble } from '../assemble.ts'", 'only entries and the wiring'],
    ['cli/client.ts', "import { quoted } from '../errors.ts'", 'no module of the service'],
    ['app.ts', "import { createClient } from './cli/client.ts'", 'no module of the command line'],
    ['queue/pg-boss.ts', "import { audioKey } from '../transcriptions/storage-keys.ts'", 'import no feature'],
    ['media/media.ts', "import { t } from 'elysia'", 'no HTTP'],
    [
      'db/schema.ts',
      "import type { Word } from '../engines/engine.ts'",
      'the database imports no other port',
    ],
    ['http/bearer.ts', "import type { AuthService } from '../auth/auth.service.ts'", 'imports no feature'],
    ['auth/auth.service.ts', "import { t } from 'elysia'", 'only routes and schemas'],
    [
      'transcriptions/intake/open-intake.ts',
      "import { readUpload } from '../../http/body/audio-upload.ts'",
      'only routes and schemas',
    ],
    [
      'transcriptions/intake/open-intake.ts',
      "import { eq } from 'drizzle-orm'",
      'only stores import the tables',
    ],
    ['auth/auth.service.ts', "export { users } from '../db/schema.ts'", 'only stores import the tables'],
    ['transcriptions/spans.store.ts', "import '../auth/users.store.ts'", 'only stores of its own'],
    ['auth/users.store.ts', "import { x } from './auth.service.ts'", 'only stores of its own'],
    ['health/health.ts', "import '../auth/auth.service.ts'", 'only stores of another'],
    ['auth/auth.routes.ts', "import { insertUser } from './users.store.ts'", 'routes import no store'],
    ['auth/auth.service.ts', "import { argon2id } from './argon2id.ts'", 'only assemblies import adapters'],
    [
      'worker.ts',
      "import { ffmpegMedia } from './media/ffmpeg/ffmpeg-media.ts'",
      'only assemblies import adapters',
    ],
    ['engines/engine.ts', "import { sidecarEngine } from './sidecar.ts'", 'only assemblies import adapters'],
    ['queue/pg-boss.ts', "import { openPglite } from '../db/pglite.ts'", 'only assemblies import adapters'],
    ['worker.ts', "await import('./traces/opentelemetry.ts')", 'only assemblies import adapters'],
    [
      'http/body/audio-upload.ts',
      "import { guardedOutbound } from '../../outbound/guarded.ts'",
      'only assemblies import adapters',
    ],
    [
      'transcriptions/reading/signed-links.ts',
      "const crypto = await import('node:crypto')",
      'only entries, assemblies and adapters',
    ],
    [
      'http/headers/range.ts',
      "import {\n  readFile,\n} from 'node:fs/promises'",
      'only entries, assemblies and adapters',
    ],
    ['assemble.ts', 'const port = process.env.PORT', 'only entries read the environment'],
    ['engines/sidecar/sidecar.ts', 'const { HF_TOKEN } = Bun.env', 'only entries read the environment'],
    ['transcriptions/intake/open-intake.ts', 'await Bun.write(path, body)', 'use Bun, Buffer and process'],
    ['edge.ts', 'Bun.serve({})', 'use Bun, Buffer and process'],
  ])('%s: %s', (path, source, rule) => {
    expect(breachesOf(moduleOf(path, source))).toEqual([expect.stringContaining(rule)])
  })

  test('allowed imports report no breach', () => {
    const allowed: [path: string, source: string][] = [
      ['main.ts', "import { assemble } from './assemble.ts'\nassemble({ env: process.env })"],
      ['transcriptions/intake/open-intake.ts', "import { userExists } from '../../auth/users.store.ts'"],
      ['retention/sweep.ts', "import { folderOf } from '../transcriptions/storage-keys.ts'"],
      [
        'engines/local-sidecar/local-sidecar.ts',
        "import { sidecarEngine } from '../sidecar/sidecar.ts'\nBun.spawn([])",
      ],
      ['cli/local.ts', "import { SETTINGS } from '../config.ts'\nimport { spawn } from 'node:child_process'"],
      ['http/headers/range.ts', "// import 'node:fs'; process.env.X\n/* Bun.serve() */"],
    ]
    for (const [path, source] of allowed) expect(breachesOf(moduleOf(path, source))).toEqual([])
  })
})
