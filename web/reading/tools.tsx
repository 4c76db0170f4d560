import { useSignal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'
import { errorText } from '../api/client.ts'
import { messages } from '../i18n/messages.ts'
import type { Block } from './blocks.ts'
import { downloadTranscript, FORMATS, type Format } from './download.ts'
import { CodeIcon, CopyIcon, DownIcon, DownloadIcon, UpIcon } from './icons.tsx'
import { Menu } from './menu.tsx'
import type { Player } from './player.ts'
import type { ReadAlong } from './read-along.ts'
import type { Reading } from './reading.ts'
import type { Search } from './search.ts'
import { type Part, selectedParts } from './selection.ts'
import { wholeText, writeText } from './written-text.ts'

type Props = {
  reading: Reading
  player: Player
  readAlong: ReadAlong
  search: Search
  searchField: RefObject<HTMLInputElement | null>
  nameOf: (block: Block) => string | null
  onCode: () => void
}

const NOTICE_MS = 3000

/** Search, copy and download, above the text. */
export function Tools({ reading, player, readAlong, search, searchField, nameOf, onCode }: Props) {
  const t = messages.value
  /** Is announced: copied, or why not. */
  const notice = useSignal('')
  const announce = (text: string) => {
    notice.value = text
    setTimeout(() => {
      if (notice.value === text) notice.value = ''
    }, NOTICE_MS)
  }
  const copy = async (parts: readonly Part[], hasTimes: boolean) => {
    if (parts.length === 0) return announce(t.reading.nothingSelected)
    try {
      await navigator.clipboard.writeText(writeText(parts, { hasTimes, nameOf }))
      announce(t.copied)
    } catch {
      announce(t.reading.copyRefused)
    }
  }
  useEffect(() => {
    // Select all selects only the paragraphs near the window, which are in the document.
    const onCopy = (event: ClipboardEvent) => {
      const list = document.querySelector('.blocks')
      if (!list || !getSelection()?.containsNode(list)) return
      event.preventDefault()
      const text = writeText(wholeText(reading.blocks.value), { hasTimes: false, nameOf })
      event.clipboardData?.setData('text/plain', text)
    }
    document.addEventListener('copy', onCopy)
    return () => document.removeEventListener('copy', onCopy)
  })
  const save = (format: Format) => {
    const filename = reading.status.value?.filename ?? t.untitled
    const isPartial = reading.status.value?.status !== 'completed'
    downloadTranscript({ id: reading.id, filename, isPartial }, format).catch((error) =>
      announce(errorText(error)),
    )
  }
  return (
    <div class="reading-tools">
      <SearchField player={player} readAlong={readAlong} search={search} field={searchField} />
      <CopyMenu blocks={reading.blocks.value} copy={copy} />
      <Menu label={t.reading.download} icon={<DownloadIcon />}>
        {FORMATS.filter(({ needsSpeakers }) => !needsSpeakers || reading.speakers.value.length > 0).map(
          (format) => (
            <button key={format.format} type="button" class="button quiet" onClick={() => save(format)}>
              {t.reading.formats[format.format]}
            </button>
          ),
        )}
        <AudioLink reading={reading} />
      </Menu>
      <button
        type="button"
        class="button quiet icon"
        aria-label={t.codeTitle}
        title={t.codeTitle}
        onClick={onCode}
      >
        <CodeIcon />
      </button>
      <span class="tools-notice" role="status">
        {notice.value && <span>{notice.value}</span>}
      </span>
    </div>
  )
}

function AudioLink({ reading: { status } }: { reading: Reading }) {
  const link = status.value?.audio_file
  if (!link) return null
  const { pathname, search } = new URL(link, location.origin)
  return (
    <a class="button quiet" href={pathname + search} download={status.value?.filename ?? ''}>
      {messages.value.reading.originalAudio}
    </a>
  )
}

function CopyMenu({
  blocks,
  copy,
}: {
  blocks: readonly Block[]
  copy: (parts: readonly Part[], hasTimes: boolean) => void
}) {
  const t = messages.value.reading
  const copySelection = () => {
    const list = document.querySelector('.blocks')
    const parts = list instanceof HTMLElement ? selectedParts(list, blocks) : []
    copy(parts, true)
  }
  if (!navigator.clipboard) return null
  return (
    <Menu label={messages.value.copy} icon={<CopyIcon />}>
      <button type="button" class="button quiet" onClick={() => copy(wholeText(blocks), false)}>
        {t.copyText}
      </button>
      <button type="button" class="button quiet" onClick={() => copy(wholeText(blocks), true)}>
        {t.copyWithTimes}
      </button>
      <button type="button" class="button quiet" onClick={copySelection}>
        {t.copySelection}
      </button>
    </Menu>
  )
}

function SearchField({
  player,
  readAlong,
  search,
  field,
}: Pick<Props, 'player' | 'readAlong' | 'search'> & { field: RefObject<HTMLInputElement | null> }) {
  const t = messages.value.reading
  const count = search.hits.value.length
  const hasQuery = search.query.value.trim() !== ''
  const move = (steps: number) => {
    const hit = search.move(steps, player.seconds())
    if (hit) readAlong.showHit(hit)
  }
  return (
    <search class="search-within">
      <div class="search-box">
        <input
          ref={field}
          class="input"
          type="search"
          aria-label={t.searchWithin}
          placeholder={messages.value.search}
          value={search.query.value}
          maxLength={200}
          onInput={({ currentTarget: { value } }) => {
            search.query.value = value
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter') {
              event.preventDefault()
              move(event.shiftKey ? -1 : 1)
            } else if (event.key === 'Escape') {
              search.query.value = ''
              event.currentTarget.blur()
            }
          }}
        />
        <span class="hits-count" role="status">
          {hasQuery && (count === 0 ? t.noHits : t.hitOf((search.current.value?.index ?? -1) + 1, count))}
        </span>
      </div>
      {hasQuery && (
        <>
          <button
            type="button"
            class="button quiet icon"
            aria-label={t.previousHit}
            disabled={count === 0}
            onClick={() => move(-1)}
          >
            <UpIcon />
          </button>
          <button
            type="button"
            class="button quiet icon"
            aria-label={t.nextHit}
            disabled={count === 0}
            onClick={() => move(1)}
          >
            <DownIcon />
          </button>
        </>
      )}
    </search>
  )
}
