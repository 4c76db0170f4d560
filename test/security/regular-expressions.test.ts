import { expect, test } from 'bun:test'
import { checkSync } from 'recheck'
import { patternsIn, sourcePatterns } from './source-patterns.ts'

/** recheck reports `unknown` for a regular expression that it cannot judge within this time. */
const TIMEOUT_MS = 60_000

const all = new Map(
  (await sourcePatterns()).map((pattern) => [`/${pattern.source}/${pattern.flags}`, pattern]),
)

test('regular expressions of every kind are found in the source', () => {
  const files = new Set([...all.values()].map(({ file }) => file))
  // A literal, `RegExp` of a constant, and the pattern of a schema.
  for (const file of [
    'http/headers/range.ts',
    'transcriptions/transcript/languages.ts',
    'auth/auth.schemas.ts',
  ]) {
    expect(files).toContain(file)
  }
})

test.each([...all])(
  '%s takes linear time for any text',
  (_, { file, source, flags }) => {
    const { status, ...report } = checkSync(source, flags, { timeout: TIMEOUT_MS })
    const attack = 'attack' in report ? report.attack?.pattern : undefined
    expect({ file, status, attack }).toEqual({ file, status: 'safe', attack: undefined })
  },
  TIMEOUT_MS + 10_000,
)

const examples: [name: string, code: string, status: 'safe' | 'vulnerable'][] = [
  ['a literal', '/"(?:\\\\["\\\\]|[^"])*"/.test(text)', 'vulnerable'],
  ['a constant', `const SPACES = '[ ]+'; const END = new RegExp(\`\${SPACES}$\`)`, 'vulnerable'],
  ['a schema', "t.String({ pattern: '^(a|a)*$' })", 'vulnerable'],
  ['a literal', '/^[a-z]+$/.test(text)', 'safe'],
]
test.each(examples)('%s such as %s is judged %s', (_, code, status) => {
  const [pattern] = patternsIn('any.ts', code)
  expect(checkSync(pattern?.source ?? '', pattern?.flags ?? '').status).toBe(status)
})

test('a regular expression that is built from input is refused', () => {
  expect(() => patternsIn('any.ts', `new RegExp(\`<\${name}>\`)`)).toThrow('src/any.ts')
})
