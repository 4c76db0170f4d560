import { api, unwrap } from '../api/client.ts'
import type { Row } from '../api/types.ts'
import { formatBytes, formatDate, formatDay, formatDuration, formatLanguage } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import { TrashIcon } from '../layout/icons.tsx'
import { isOpen, refreshLibrary } from './library.ts'
import { LiveText } from './live-text.tsx'
import { SearchHits } from './search-hits.tsx'
import { deleteLater } from './undo.ts'

const DAY_MS = 86_400_000

export function LibraryRow({
  row,
  isLive,
  words,
  retentionDays,
}: {
  row: Row
  isLive: boolean
  words: string
  retentionDays: number | null
}) {
  const t = messages.value
  const name = row.filename ?? t.untitled
  return (
    <li class="library-row card" data-status={row.status}>
      <div class="head">
        <a class="name" href={`/t/${row.id}`} dir="auto">
          {name}
        </a>
        <Badge status={row.status} />
      </div>
      <Facts row={row} retentionDays={retentionDays} />
      {isOpen(row) && isLive && <LiveText id={row.id} />}
      {isOpen(row) && !isLive && (
        <progress class="progress" value={row.progress} aria-label={t.statuses[row.status]} />
      )}
      {row.failure && <p class="notice error">{row.failure.error}</p>}
      {row.excerpt && !words && (
        <p class="excerpt" dir="auto" lang={langOf(row.language)}>
          {withEllipsis(row.excerpt)}
        </p>
      )}
      {words && row.status === 'completed' && (
        <SearchHits id={row.id} words={words} lang={langOf(row.language)} />
      )}
      <div class="actions">
        {isOpen(row) && (
          <button
            type="button"
            class="button quiet small"
            aria-label={t.stopNamed(name)}
            onClick={() => stop(row.id)}
          >
            {t.stop}
          </button>
        )}
        <button
          type="button"
          class="button quiet icon"
          aria-label={t.deleteNamed(name)}
          title={t.delete}
          // A click of the keyboard has no count of clicks (UI Events, §4.3.5).
          onClick={({ detail }) => deleteLater({ id: row.id, name, isByKeyboard: detail === 0 })}
        >
          <TrashIcon />
        </button>
      </div>
    </li>
  )
}

/** For screen readers and hyphenation; undefined until the language is known. */
const langOf = (language: string) => (language === 'auto' ? undefined : language)

/** The API cuts the text at this length, also within a word. */
const EXCERPT_LENGTH = 200

const withEllipsis = (excerpt: string) =>
  excerpt.length < EXCERPT_LENGTH ? excerpt : `${excerpt.replace(/\s+\S*$/, '')} …`

async function stop(id: string): Promise<void> {
  // It may have finished meanwhile; the list then shows it.
  await unwrap(api.transcriptions({ id }).cancel.post()).catch(() => {})
  await refreshLibrary()
}

function Badge({ status }: { status: Row['status'] }) {
  if (status === 'completed') return null
  const kind = status === 'failed' ? 'failed' : isOpen({ status }) ? 'active' : ''
  return <span class={`badge ${kind}`}>{messages.value.statuses[status]}</span>
}

function Facts({ row, retentionDays }: { row: Row; retentionDays: number | null }) {
  const t = messages.value
  const facts = [
    <time key="date" dateTime={row.created_at}>
      {formatDate(row.created_at)}
    </time>,
    row.duration === null ? formatBytes(row.size) : formatDuration(row.duration),
    row.language === 'auto' ? null : formatLanguage(row.language),
    row.warnings.length > 0 ? t.warningsCount(row.warnings.length) : null,
    retentionDays === null || !row.completed_at
      ? null
      : t.audioUntil(formatDay(new Date(Date.parse(row.completed_at) + retentionDays * DAY_MS))),
  ]
  return (
    <ul class="facts">
      {facts.filter(Boolean).map((fact, index) => (
        <li key={index}>{fact}</li>
      ))}
    </ul>
  )
}
