import { expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { SETTINGS } from '../src/config.ts'

test('docs/configuration.md has the row of every setting, in order, with its description, values and default', async () => {
  const page = await readFile(new URL('../docs/configuration.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => /^\| `[A-Z0-9_]+` \|/.test(line))
  expect(rows).toEqual(
    Object.entries(SETTINGS).map(([name, setting]) => {
      const value = 'default' in setting ? `\`${setting.default}\`` : setting.unset
      return `| \`${name}\` | ${setting.doc} | ${setting.takes} | ${value} |`
    }),
  )
})
