import { VerbatimError } from './errors.ts'

/** The fields of an upload that may be sent several times. `hotwords` is another name of `keywords`. */
export const UPLOAD_LISTS: ReadonlySet<string> = new Set(['keywords', 'hotwords', 'languages', 'replace'])

/**
 * Collects the fields of a form, a query or a JSON body. A field in `lists` may be sent several times, as
 * `name`, `name[]` or `name[0]`: its values become lines. Of any other field, the last value wins.
 */
export function fieldCollector(lists: ReadonlySet<string>) {
  const all = new Map<string, string>()

  return {
    all,
    add(name: string, value: string) {
      const list = name.replace(/\[\d*\]$/, '')
      if (!lists.has(list)) return void all.set(name, value)
      const earlier = all.get(list)
      all.set(list, earlier ? `${earlier}\n${value}` : value)
    },
  }
}

export function fieldsOf(pairs: Iterable<[name: string, text: string]>, lists: ReadonlySet<string>) {
  const { all, add } = fieldCollector(lists)
  for (const [name, text] of pairs) add(name, text)
  return all
}

/** The members of a JSON body as pairs; a list in `lists` becomes a pair for each item, and objects in it become JSON. Throws `validation`. */
export function jsonMembers(body: unknown, lists: ReadonlySet<string>): [name: string, text: string][] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new VerbatimError('validation', 'The body must be a JSON object')
  }
  return Object.entries(body).flatMap(([name, value]): [string, string][] => {
    const isList = Array.isArray(value) && lists.has(name)
    const values: unknown[] = isList ? value : [value]
    return values
      .filter((item) => item !== null)
      .map((item) => {
        if (typeof item !== 'object') return [name, String(item)]
        if (isList) return [name, JSON.stringify(item)]
        throw new VerbatimError('validation', `${name} must be a string, a number or a boolean`)
      })
  })
}
