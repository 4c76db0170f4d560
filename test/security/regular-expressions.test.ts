import { expect, test } from 'bun:test'
import { checkSync } from 'recheck'
import { patternsIn, sourcePatterns } from './source-patterns.ts'

/** What recheck finds out about a regular expression within this time is `safe` or `vulnerable`, else `unknown`. */
const TIMEOUT_MS = 60_000

const all = new Map((await sourcePatterns()).map((one) => [`/${one.source}/${one.flags}`, one]))

test('the source has regular expressions of every kind', () => {
  const files = new Set([...all.values()].map(({ file }) => file))
  // Literals, `RegExp` of a constant, and a schema's pattern.
  for (const file of ['http/range.ts', 'transcriptions/languages.ts', 'auth/schemas.ts']) {
    expect(files).toContain(file)
  }
})

test.each([...all])(
  'takes linear time for any text: %s',
  (_, { file, source, flags }) => {
    const { status, ...found } = checkSync(source, flags, { timeout: TIMEOUT_MS })
    const attack = 'attack' in found ? found.attack?.pattern : undefined
    expect({ file, status, attack }).toEqual({ file, status: 'safe', attack: undefined })
  },
  TIMEOUT_MS + 10_000,
)

const examples: [what: string, code: string, status: 'safe' | 'vulnerable'][] = [
  ['a literal', '/"(?:\\\\["\\\\]|[^"])*"/.test(text)', 'vulnerable'],
  ['a constant', `const SPACES = '[ ]+'; const END = new RegExp(\`\${SPACES}$\`)`, 'vulnerable'],
  ['a schema', "t.String({ pattern: '^(a|a)*$' })", 'vulnerable'],
  ['a literal', '/^[a-z]+$/.test(text)', 'safe'],
]
test.each(examples)('%s is found and judged: %s is %s', (_, code, status) => {
  const [found] = patternsIn('any.ts', code)
  expect(checkSync(found?.source ?? '', found?.flags ?? '').status).toBe(status)
})

test('a regular expression that is made of input is refused', () => {
  expect(() => patternsIn('any.ts', `new RegExp(\`<\${name}>\`)`)).toThrow('src/any.ts')
})
