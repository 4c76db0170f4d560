import { parseArgs } from 'node:util'

type Value = number | string | boolean

/**
 * Reads `--name value` (or `--name`, for a boolean) from the command line, with these names, types and
 * defaults.
 */
export function readOptions<Defaults extends Record<string, Value>>(defaults: Defaults): Defaults {
  const names = Object.keys(defaults)
  const typeOf = (name: string) => (typeof defaults[name] === 'boolean' ? 'boolean' : 'string')
  const { values } = parseArgs({
    options: Object.fromEntries(names.map((name) => [name, { type: typeOf(name) }])),
  })
  const parsed = Object.entries(values).map(([name, value]): [string, Value | undefined] => [
    name,
    typeof defaults[name] === 'number' ? Number(value) : typeof value === 'object' ? undefined : value,
  ])
  return Object.assign({}, defaults, Object.fromEntries(parsed))
}
