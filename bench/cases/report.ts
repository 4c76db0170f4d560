import { markdownTable } from '../shared/tables.ts'
import { type Entry, nameOf } from './entries.ts'
import type { Observed } from './observe.ts'
import type { Judgement, Verdict } from './verdict.ts'
import type { WordErrors } from './word-errors.ts'

export type Result = Judgement & { entry: Entry; observed: Observed }
/** The content of a file that `--json` writes and `--compare` reads. */
export type Results = { entries: Result[]; wordErrors: WordErrors[] }

const TEXT_LENGTH = 120

export function entriesTable(results: Result[]): string {
  const rows = results.map(({ entry, observed, verdict, faults }) =>
    [
      nameOf(entry),
      expected(entry),
      seen(observed),
      [verdict, faults.join('; ')].filter(Boolean).join(': '),
    ].map(cell),
  )
  const counts = (['right', 'wrong', 'by hand'] satisfies Verdict[]).map(
    (verdict) => `${results.filter((result) => result.verdict === verdict).length} ${verdict}`,
  )
  const table = markdownTable(['entry', 'expected', 'observed', 'verdict'], rows)
  return `${table.replaceAll('---:', '---')}\n\n${results.length} entries: ${counts.join(', ')}`
}

function expected({ expect, contains }: Entry): string {
  return contains ? `${expect}; has ${contains.map((part) => `"${part}"`).join(', ')}` : expect
}

function seen(observed: Observed): string {
  const { http, status, language, duration, text, warnings, error, segments, words } = observed
  return [
    http === null ? '' : `HTTP ${http}`,
    status,
    language,
    duration === null ? '' : `${duration.toFixed(1)} s`,
    text === null ? '' : `"${text.slice(0, TEXT_LENGTH)}${text.length > TEXT_LENGTH ? '…' : ''}"`,
    segments.length > 0 ? `segments: ${segments.length}` : '',
    words.length > 0 ? `words: ${words.length}` : '',
    warnings.length > 0 ? `warnings: ${warnings.join(', ')}` : '',
    error,
  ]
    .filter(Boolean)
    .join(', ')
}

const cell = (text: string) => text.replaceAll('|', '\\|').replace(/\s+/g, ' ')

export function wordErrorsTable(recordings: WordErrors[]): string {
  const all = { name: 'total', errors: sum(recordings, 'errors'), words: sum(recordings, 'words'), heard: '' }
  const rows = [...recordings, all].map(({ name, errors, words, heard }) => [
    name,
    errors,
    words,
    words > 0 ? (100 * (errors / words)).toFixed(1) : '',
    cell(heard.slice(0, TEXT_LENGTH)),
  ])
  return markdownTable(['recording', 'errors', 'words', 'WER %', 'heard'], rows)
}

const sum = (recordings: WordErrors[], key: 'errors' | 'words') =>
  recordings.reduce((total, recording) => total + recording[key], 0)

/** The entries whose verdict or text changed, and the recordings whose number of errors changed. */
export function changesTable(before: Results, after: Results): string {
  const earlier = new Map(before.entries.map((result) => [nameOf(result.entry), result]))
  const entries = after.entries.flatMap((result) => {
    const old = earlier.get(nameOf(result.entry))
    const isSame = old?.verdict === result.verdict && old.observed.text === result.observed.text
    if (!old || isSame) return []
    return [
      [
        nameOf(result.entry),
        ...[old, result].map(({ verdict, observed }) => `${verdict}: ${seen(observed)}`),
      ],
    ]
  })
  const errors = new Map(before.wordErrors.map((recording) => [recording.name, recording.errors]))
  const recordings = after.wordErrors.flatMap((recording) => {
    const old = errors.get(recording.name)
    if (old === undefined || old === recording.errors) return []
    return [[recording.name, `${old} word errors`, `${recording.errors} word errors`]]
  })
  const rows = [...entries, ...recordings].map((row) => row.map(cell))
  return markdownTable(['changed', 'before', 'after'], rows).replaceAll('---:', '---')
}
