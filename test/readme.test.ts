import { expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { SETTINGS } from '../src/config.ts'

const readme = () => readFile(new URL('../README.md', import.meta.url), 'utf8')

test('the settings table names every setting once, in the settings’ order', async () => {
  const named = [...(await readme()).matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map(([, name]) => name ?? '')
  expect(named.filter((name) => name in SETTINGS)).toEqual(Object.keys(SETTINGS))
})

test('and what each defaults to', async () => {
  const rows = (await readme()).split('\n')
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const row = rows.find((line) => line.startsWith(`| \`${name}\` |`))
    const value = 'default' in setting ? setting.default : setting.unset
    expect({ name, row }).toEqual({ name, row: expect.stringContaining(value) })
  }
})
