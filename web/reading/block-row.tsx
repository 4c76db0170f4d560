import { Component, type ComponentChildren } from 'preact'
import { formatDuration } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import type { Block, Unit } from './blocks.ts'
import type { Hit } from './search.ts'
import { SpeakerBadge } from './speaker-badge.tsx'

/** Words that the model gave a lower probability are marked. */
const UNSURE_PROBABILITY = 0.5

export const isUnsure = ({ probability }: Pick<Unit, 'probability'>) =>
  probability !== null && probability < UNSURE_PROBABILITY

type RowProps = {
  block: Block
  /** The name or letter of its speaker, or its channel. */
  voice: { name: string; color: number } | null
  hits: readonly Hit[]
  currentHit: Hit | null
  marksUnsure: boolean
  onSpeaker: ((id: string) => void) | null
  onTime: (seconds: number) => void
}

/** A paragraph with the time and the name of its voice. */
export function BlockRow({ block, voice, hits, currentHit, marksUnsure, onSpeaker, onTime }: RowProps) {
  const t = messages.value
  const time = formatDuration(Math.floor(block.start))
  return (
    <>
      <div class="block-head">
        <button
          type="button"
          class="time"
          aria-label={t.reading.playFrom(time)}
          onClick={() => onTime(block.start)}
        >
          {time}
        </button>
        {voice && (
          <SpeakerBadge
            name={voice.name}
            color={voice.color}
            onClick={onSpeaker && block.speaker !== null ? onSpeaker.bind(null, block.speaker) : null}
          />
        )}
      </div>
      <p lang={block.language ?? undefined} dir="auto">
        <Words block={block} hits={hits} currentHit={currentHit} marksUnsure={marksUnsure} />
      </p>
    </>
  )
}

type WordsProps = Pick<RowProps, 'block' | 'hits' | 'currentHit' | 'marksUnsure'>

/**
 * Its words are compared only if they can differ, because the list is rendered while it scrolls. With `useMemo`, Preact 11.2
 * keeps all rows that were ever shown in memory.
 */
class Words extends Component<WordsProps> {
  override shouldComponentUpdate(next: WordsProps) {
    const { block, hits, currentHit, marksUnsure } = this.props
    return (
      next.block !== block ||
      next.hits !== hits ||
      next.currentHit !== currentHit ||
      next.marksUnsure !== marksUnsure
    )
  }

  override render() {
    return textOf(this.props)
  }
}

function textOf({ block: { text, units }, hits, currentHit, marksUnsure }: WordsProps): ComponentChildren[] {
  const piece = (from: number, to: number) => highlighted({ text, from, to, hits, currentHit })
  let end = 0
  const parts = units.flatMap((unit) => {
    const before = unit.from > end ? piece(end, unit.from) : []
    end = unit.to
    return [
      ...before,
      <span
        key={unit.index}
        data-unit={unit.index}
        class={marksUnsure && isUnsure(unit) ? 'unsure' : undefined}
      >
        {piece(unit.from, unit.to)}
      </span>,
    ]
  })
  return [...parts, ...(end < text.length ? piece(end, text.length) : [])]
}

/** Some characters of a text, with the matches in them. */
function highlighted({
  text,
  from,
  to,
  hits,
  currentHit,
}: Pick<RowProps, 'hits' | 'currentHit'> & { text: string; from: number; to: number }): ComponentChildren[] {
  const parts: ComponentChildren[] = []
  let end = from
  for (const hit of hits) {
    if (hit.to <= end || hit.from >= to) continue
    const start = Math.max(hit.from, end)
    const stop = Math.min(hit.to, to)
    parts.push(
      text.slice(end, start),
      <mark key={`${start} mark`} data-hit={hit.index} class={hit === currentHit ? 'current' : undefined}>
        {text.slice(start, stop)}
      </mark>,
    )
    end = stop
  }
  parts.push(text.slice(end, to))
  return parts
}
