import { basename, dirname, join } from 'node:path'

/** How to send a file. README.md explains each key of an index. */
export type UploadRequest = {
  file: string
  endpoint: 'transcribe' | 'v1' | 'raw' | 'tus' | 'body'
  fields: Record<string, string | string[]>
  filename?: string
  path?: string
  method?: string
  content_type?: string
  headers?: Record<string, string>
  chunk?: number
}

/** The result that is right. */
export type Expected = {
  expect: string
  contains?: string[] | null
  contains_none?: string[]
  count?: Record<string, number>
  text?: string
  language?: string
  duration?: [number, number]
  first_start_min?: number
  first_start_max?: number
  word_at?: Record<string, number>
  has?: ('segments' | 'words')[]
  has_none?: ('segments' | 'words')[]
  stored_filename?: string
  warning?: string
  error_contains?: string[]
}

export type Entry = UploadRequest & Expected & { case: number }

type Selection = { only: string; skip: string; language: string }

/** Reads the selected entries; `language` replaces theirs. The paths of their files are then absolute. */
export async function readEntries(index: string, { only, skip, language }: Selection): Promise<Entry[]> {
  const entries: Entry[] = await Bun.file(index).json()
  const [selected, skipped] = [numbersOf(only), numbersOf(skip)]
  return entries
    .filter(({ case: number }) => (only === '' || selected.has(number)) && !skipped.has(number))
    .map((entry) => ({
      ...entry,
      file: join(dirname(index), entry.file),
      fields: language ? { ...entry.fields, language } : entry.fields,
    }))
}

const numbersOf = (list: string) => new Set(list.split(',').filter(Boolean).map(Number))

/** Identifies a request, whatever its expected result. */
export function nameOf(entry: Entry): string {
  const { case: number, file, endpoint, fields, path, method, content_type, headers } = entry
  const values = Object.entries({ ...fields, ...headers })
  const type = endpoint === 'body' ? undefined : content_type
  return [
    `${number} ${basename(file)} ${endpoint}`,
    method,
    path,
    type === undefined ? '' : `type ${JSON.stringify(type)}`,
    ...values.map(([name, value]) => `${name}=${JSON.stringify(value)}`),
  ]
    .filter(Boolean)
    .join(' ')
}
