import { useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { formatDate, formatDuration, formatLanguage } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import { TrashIcon } from '../layout/icons.tsx'
import { NotFound } from '../layout/not-found.tsx'
import { deleteLater } from '../library/undo.ts'
import { Loading } from '../routing/lazy.tsx'
import { navigate } from '../routing/router.ts'
import type { Block } from './blocks.ts'
import { CodeDialog } from './code-dialog.tsx'
import { Details } from './details.tsx'
import { listenToKeys } from './keyboard.ts'
import { EndState, OpenState } from './open-state.tsx'
import { createPlayer } from './player.ts'
import { PlayerBar } from './player-bar.tsx'
import { keepPosition } from './position.ts'
import { createReadAlong } from './read-along.ts'
import { createReading, type Reading } from './reading.ts'
import { createSearch } from './search.ts'
import { ShortcutsDialog } from './shortcuts-dialog.tsx'
import { type Renaming, SpeakerDialog } from './speaker-dialog.tsx'
import { Speakers } from './speakers.tsx'
import { Tools } from './tools.tsx'
import { TranscriptList } from './transcript-list.tsx'
import { marksUnsure, stepUnsure, UnsureWords } from './unsure-words.tsx'

export type ReadingProps = {
  id: string
  /** The time to show, from `?t=`. */
  seconds: number | null
  /** The words that the user searched for, from `?q=`. */
  words: string
}

/** A transcript with its audio. */
export function ReadingView({ id, seconds, words }: ReadingProps) {
  const parts = useReadingParts(id, words)
  const { reading, player, readAlong } = parts
  useEffect(() => {
    if (seconds === null) return
    player.seek(seconds)
    readAlong.follow()
  }, [seconds])
  const t = messages.value
  useEffect(() => {
    const name = reading.status.value?.filename
    // After the title of the frame.
    if (name) document.title = `${name} · ${t.brand}`
  }, [reading.status.value?.filename, t])
  if (reading.isMissing.value) return <NotFound />
  if (!reading.status.value) {
    return reading.error.value ? (
      <p class="notice error" role="alert">
        {reading.error}
      </p>
    ) : (
      <Loading />
    )
  }
  return <ReadingParts {...parts} />
}

function useReadingParts(id: string, words: string) {
  const parts = useMemo(() => {
    const reading = createReading(id)
    const player = createPlayer(reading)
    const readAlong = createReadAlong({ reading, player })
    return { reading, player, readAlong, search: createSearch(reading, words) }
  }, [id])
  useEffect(() => {
    parts.reading.load()
    const stopKeeping = keepPosition(parts.player)
    return () => {
      stopKeeping()
      parts.search.close()
      parts.readAlong.close()
      parts.player.close()
      parts.reading.close()
    }
  }, [parts])
  return parts
}

function ReadingParts({ reading, player, readAlong, search }: ReturnType<typeof useReadingParts>) {
  const t = messages.value
  const searchField = useRef<HTMLInputElement>(null)
  const hasShortcuts = useSignal(false)
  const hasCode = useSignal(false)
  const editedSpeaker = useSignal<string | null>(null)
  const renaming = useSignal<Renaming | null>(null)
  // On a phone, what stands before the text is closed at first.
  const isWide = useMemo(() => matchMedia('(min-width: 56rem)').matches, [])
  useEffect(
    () =>
      listenToKeys({
        reading,
        player,
        readAlong,
        focusSearch() {
          searchField.current?.focus()
          searchField.current?.select()
        },
        nextUnsure(steps) {
          const unit = stepUnsure(reading, { seconds: player.seconds(), steps })
          if (unit) readAlong.goTo(unit)
        },
        showShortcuts() {
          hasShortcuts.value = true
        },
      }),
    [reading, player, readAlong],
  )
  const nameOf = ({ speaker, channel }: Block) =>
    speaker !== null
      ? (reading.nameOf(speaker) ?? speaker)
      : channel === null
        ? null
        : t.reading.channel(channel + 1)
  const onSpeaker = (id: string) => {
    editedSpeaker.value = id
  }
  const speaker = reading.speakers.value.find(({ id }) => id === editedSpeaker.value)
  const hasText = reading.blocks.value.length > 0
  return (
    <div class="reading">
      <Heading reading={reading} />
      <Notices reading={reading} />
      <OpenState reading={reading} />
      <EndState reading={reading} />
      <div class="reading-columns">
        <aside class="reading-aside" aria-label={t.reading.about}>
          {reading.speakers.value.length > 0 && (
            <Speakers
              reading={reading}
              isOpen={isWide}
              onSpeaker={onSpeaker}
              renaming={renaming.value}
              onUndone={() => {
                renaming.value = null
              }}
            />
          )}
          <UnsureWords reading={reading} player={player} readAlong={readAlong} />
          <Details reading={reading} isOpen={isWide} />
        </aside>
        <div class="reading-text">
          {hasText && (
            <Tools
              reading={reading}
              player={player}
              readAlong={readAlong}
              search={search}
              searchField={searchField}
              nameOf={nameOf}
              onCode={() => {
                hasCode.value = true
              }}
            />
          )}
          {hasText ? (
            <TranscriptList
              reading={reading}
              player={player}
              readAlong={readAlong}
              search={search}
              marksUnsure={marksUnsure.value}
              onSpeaker={reading.speakers.value.length > 0 ? onSpeaker : null}
            />
          ) : (
            <NoText reading={reading} />
          )}
        </div>
      </div>
      {player.isAvailable.value && (
        <PlayerBar
          reading={reading}
          player={player}
          readAlong={readAlong}
          onShortcuts={() => {
            hasShortcuts.value = true
          }}
        />
      )}
      {hasShortcuts.value && (
        <ShortcutsDialog
          onClose={() => {
            hasShortcuts.value = false
          }}
        />
      )}
      {hasCode.value && (
        <CodeDialog
          reading={reading}
          onClose={() => {
            hasCode.value = false
          }}
        />
      )}
      {speaker && (
        <SpeakerDialog
          key={speaker.id}
          reading={reading}
          speaker={speaker}
          onClose={() => {
            editedSpeaker.value = null
          }}
          onRenamed={(next) => {
            renaming.value = next
            // A merged speaker is not listed any more, so that its dialog is gone before it can close.
            editedSpeaker.value = null
          }}
        />
      )}
    </div>
  )
}

function Heading({ reading }: { reading: Reading }) {
  const t = messages.value
  const status = reading.status.value
  if (!status) return null
  const name = status.filename ?? t.untitled
  const remove = ({ detail }: MouseEvent) => {
    deleteLater({ id: status.id, name, isByKeyboard: detail === 0 })
    navigate('/')
  }
  return (
    <header class="reading-heading">
      <div>
        <h1>{name}</h1>
        <ul class="facts">
          <li>
            <time dateTime={status.created_at}>{formatDate(status.created_at)}</time>
          </li>
          {status.duration !== null && <li>{formatDuration(status.duration)}</li>}
          {status.language !== 'auto' && <li>{formatLanguage(status.language)}</li>}
        </ul>
      </div>
      <button
        type="button"
        class="button quiet icon"
        aria-label={t.deleteNamed(name)}
        title={t.delete}
        onClick={remove}
      >
        <TrashIcon />
      </button>
    </header>
  )
}

/** What is missing or doubtful, and that the audio is gone. */
function Notices({ reading }: { reading: Reading }) {
  const t = messages.value.reading
  const { warnings = [], audio_file: audio = null } = reading.status.value ?? {}
  return (
    <>
      {warnings.length > 0 && (
        <ul class="notice warn small" aria-label={t.warnings}>
          {warnings.map(({ code, message }) => (
            <li key={code}>{message}</li>
          ))}
        </ul>
      )}
      {audio === null && <p class="notice small">{t.audioRemoved}</p>}
      {reading.error.value && (
        <p class="notice error" role="alert">
          {reading.error}
        </p>
      )}
    </>
  )
}

function NoText({ reading }: { reading: Reading }) {
  if (reading.transcript.value) return <p class="center soft">{messages.value.reading.empty}</p>
  return reading.isOpen.value || reading.error.value ? null : <Loading />
}
