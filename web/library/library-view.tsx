import { useEffect } from 'preact/hooks'
import { account, refreshAccount } from '../api/account.ts'
import { info, refreshInfo } from '../api/info.ts'
import { refreshModels } from '../api/models.ts'
import { messages } from '../i18n/messages.ts'
import { Loading } from '../routing/lazy.tsx'
import { takeShared } from '../share/shared-files.ts'
import { UploadList } from '../upload/upload-list.tsx'
import { UploadPanel } from '../upload/upload-panel.tsx'
import { addFiles, restoreUploads, uploads } from '../upload/upload-queue.ts'
import { Filters } from './filters.tsx'
import {
  counts,
  filter,
  isOpen,
  libraryError,
  loadMore,
  nextCursor,
  setFilter,
  visibleRows,
  watchLibrary,
} from './library.ts'
import { LibraryRow } from './library-row.tsx'
import { UndoNotice } from './undo-notice.tsx'

/** How many open transcriptions show their text while it is written. Each holds a connection; browsers have six. */
const MAX_LIVE = 2

export function LibraryView() {
  useEffect(() => {
    refreshInfo().catch(() => {})
    refreshModels().catch(() => {})
    refreshAccount()
      .then(() => restoreUploads(account.value?.id ?? ''))
      .then(() => takeShared(addFiles))
      .catch(() => {})
    return watchLibrary()
  }, [])
  const t = messages.value
  return (
    <div class="library">
      <h1 class="visually-hidden">{t.library}</h1>
      <UploadPanel isCompact={hasAny()} />
      <UploadList />
      {hasAny() && <Filters />}
      {libraryError.value && (
        <p class="notice error" role="alert">
          {libraryError}
        </p>
      )}
      <Rows />
      <UndoNotice />
    </div>
  )
}

const hasAny = () => Object.values(counts.value ?? {}).some((count) => count > 0)
const isFiltered = () => Object.values(filter.value).some((value) => value !== '')

function Rows() {
  const t = messages.value
  const rows = visibleRows.value
  if (!rows) return libraryError.value ? null : <Loading />
  if (rows.length === 0) return isFiltered() ? <NothingFound /> : <Empty />
  const live = new Set(
    rows
      .filter(isOpen)
      .toReversed()
      .slice(0, MAX_LIVE)
      .map(({ id }) => id),
  )
  return (
    <>
      <ul class="rows" aria-label={t.library}>
        {rows.map((row) => (
          <LibraryRow
            key={row.id}
            row={row}
            isLive={live.has(row.id)}
            words={filter.value.q}
            retentionDays={info.value?.retention_days ?? null}
          />
        ))}
      </ul>
      {nextCursor.value !== null && (
        <button type="button" class="button more" onClick={loadMore}>
          {t.loadMore}
        </button>
      )}
    </>
  )
}

function Empty() {
  const t = messages.value
  if (uploads.value.length > 0) return null
  return (
    <div class="center">
      <h2>{t.libraryEmptyTitle}</h2>
      <p class="soft">{t.libraryEmptyText}</p>
    </div>
  )
}

function NothingFound() {
  const t = messages.value
  return (
    <div class="center">
      <h2>{t.nothingFoundTitle}</h2>
      <p class="soft">{t.nothingFoundText}</p>
      <button type="button" class="button" onClick={() => setFilter({ q: '', status: '', language: '' })}>
        {t.clearFilters}
      </button>
    </div>
  )
}
