import { describe, expect, test } from 'bun:test'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { SETTINGS } from '../src/config.ts'
import { WARNING_CODES } from '../src/warnings.ts'
import { ROOT } from './support/sidecar-dir.ts'

const files = (pattern: string) => Array.from(new Bun.Glob(pattern).scanSync({ cwd: ROOT })).toSorted()
const textOf = (path: string) => Bun.file(join(ROOT, path)).text()
const exists = (path: string) => stat(join(ROOT, path)).then(Boolean, () => false)

/** Folders that are not part of the repository. */
const ignored = new Set(['.git/', 'out/', ...(await textOf('.gitignore')).split('\n')])

/** The Markdown files of the repository below `folder`. */
async function documentsIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { withFileTypes: true })
  const lists = await Promise.all(
    entries.map((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return ignored.has(`${entry.name}/`) ? [] : documentsIn(path)
      return entry.isFile() && path.endsWith('.md') ? [path] : []
    }),
  )
  return lists.flat().toSorted()
}

const documents = await documentsIn('.')

const withoutCodeBlocks = (text: string) => text.replace(/^```[\s\S]*?^```$/gm, '')

/**
 * Targets of links and images that lead to a file of the repository or a heading: `path`, `path#heading` or
 * `#heading`.
 */
function relativeLinks(text: string): string[] {
  const prose = withoutCodeBlocks(text).replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/i.test(target))
}

/** The anchors that GitHub gives to a document's headings. */
function anchors(text: string): string[] {
  const headings = [...withoutCodeBlocks(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading)
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/**
 * Paths of the repository that a text names, in prose, code and commands. Ends of sentences are not part of a
 * path.
 */
function namedPaths(text: string): string[] {
  const named = text.matchAll(
    /(?<![\w/.$-])(?:src|test|sidecar|drizzle|docs|deploy)\/[\w./*-]*[\w*]|(?<![\w/.$-])\.github\/[\w./-]*\w/g,
  )
  return [...new Set([...named].map(([path]) => path))]
}

/** The names that the migrations create and do not drop. */
async function inMigrations(kind: 'TRIGGER' | 'FUNCTION'): Promise<string[]> {
  const migrations = await Promise.all(files('drizzle/*.sql').map(textOf))
  const names = new Set<string>()
  const statement = new RegExp(`\\b(CREATE|DROP)\\b[^;"$]*\\b${kind}\\b[^"]*"(\\w+)"`, 'g')
  for (const [, verb, name = ''] of migrations.join('\n').matchAll(statement)) {
    if (verb === 'CREATE') names.add(name)
    else names.delete(name)
  }
  return [...names].toSorted()
}

/** The first cells of the table below a heading, if they are code. */
function firstCells(text: string, heading: string): string[] {
  const [, section = ''] = text.split(`\n### ${heading}\n`)
  const [own = ''] = section.split(/^#/m)
  return [...own.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name).toSorted()
}

test('the search finds the documents', () => {
  expect(documents).toEqual(
    expect.arrayContaining(['README.md', 'docs/architecture.md', 'sidecar/README.md']),
  )
})

describe.each(documents)('%s', (path) => {
  test('links to files and headings that exist', async () => {
    const text = await textOf(path)
    const broken: string[] = []
    for (const link of relativeLinks(text)) {
      const [target = '', heading] = link.split('#')
      const file = target === '' ? path : normalize(join(dirname(path), decodeURIComponent(target)))
      const isThere = await exists(file)
      const isHeading = heading === undefined || (isThere && anchors(await textOf(file)).includes(heading))
      if (!isThere || !isHeading) broken.push(link)
    }
    expect(broken).toEqual([])
  })

  test('names paths that exist', async () => {
    const missing: string[] = []
    for (const named of namedPaths(await textOf(path))) {
      const isThere = named.includes('*') ? files(named).length > 0 : await exists(named)
      if (!isThere) missing.push(named)
    }
    expect(missing).toEqual([])
  })
})

test('the documents describe every setting exactly once', async () => {
  const texts = await Promise.all(documents.filter((path) => /^(README\.md|docs\/)/.test(path)).map(textOf))
  const rows = texts.flatMap((text) =>
    [...text.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map(([, name = '']) => name),
  )
  const described = rows.filter((name) => name in SETTINGS)
  expect(described.toSorted()).toEqual(Object.keys(SETTINGS).toSorted())
})

test('docs/architecture.md lists every trigger, function and notification channel of the migrations', async () => {
  const text = await textOf('docs/architecture.md')
  expect(firstCells(text, 'Triggers')).toEqual(await inMigrations('TRIGGER'))
  expect(firstCells(text, 'Functions')).toEqual(await inMigrations('FUNCTION'))
  const migrations = (await Promise.all(files('drizzle/*.sql').map(textOf))).join('\n')
  const channels = new Set([...migrations.matchAll(/pg_notify\('(\w+)'/g)].map(([, name = '']) => name))
  expect(channels.size).toBeGreaterThan(0)
  expect(firstCells(text, 'Channels')).toEqual(expect.arrayContaining([...channels]))
})

test('docs/architecture.md lists every table of the schema', async () => {
  const schema = await textOf('src/db/schema.ts')
  const tables = [...schema.matchAll(/pgTable\(\s*'(\w+)'/g)].map(([, name = '']) => name)
  expect(firstCells(await textOf('docs/architecture.md'), 'Tables')).toEqual(tables.toSorted())
})

test('docs/api.md explains every warning', async () => {
  expect(firstCells(await textOf('docs/api.md'), 'Warnings')).toEqual(WARNING_CODES.toSorted())
})

test('the index of decisions lists every decision once, in order', async () => {
  const pages = files('docs/decisions/*.md').map((path) => path.replace('docs/decisions/', ''))
  const index = await textOf('docs/decisions/README.md')
  const linked = [...index.matchAll(/^\| \[\d+\]\(([^)]+)\) \|/gm)].map(([, page]) => page)
  expect(linked).toEqual(pages.filter((page) => page !== 'README.md'))
  expect(linked.map((page) => Number.parseInt(page ?? '', 10))).toEqual(linked.map((_, index) => index + 1))
})

describe('the checks of documents find', () => {
  test('links, but none in code or to other hosts', () => {
    const text = '[a](b.md#c) `[x](y)` [o](https://x.example) ![p](q.svg)\n```\n[n](m)\n```\n[d](#e)'
    expect(relativeLinks(text)).toEqual(['b.md#c', 'q.svg', '#e'])
  })

  test('paths, but none inside of a longer path, and no full stop', () => {
    const text = 'See `src/app.ts`, src/db. Not out/src/x, nor $DIR/test/y; `drizzle/*.sql`, `test/e2e/`.'
    expect(namedPaths(text)).toEqual(['src/app.ts', 'src/db', 'drizzle/*.sql', 'test/e2e'])
  })

  test('anchors as GitHub writes them', () => {
    expect(anchors('# What it’s: `a` and b_c\n\n## 2. An own tus server')).toEqual([
      'what-its-a-and-b_c',
      '2-an-own-tus-server',
    ])
  })
})
