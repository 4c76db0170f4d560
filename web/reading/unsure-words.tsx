import { messages } from '../i18n/messages.ts'
import { stored } from '../stored.ts'
import { isUnsure } from './block-row.tsx'
import type { Unit } from './blocks.ts'
import { DownIcon, UpIcon } from './icons.tsx'
import type { Player } from './player.ts'
import type { ReadAlong } from './read-along.ts'
import type { Reading } from './reading.ts'

export const marksUnsure = stored('verbatim.marks-unsure', true, (value) => value !== false)

/** The unsure word before or after the position. */
export function stepUnsure(
  reading: Reading,
  { seconds, steps }: { seconds: number; steps: number },
): Unit | null {
  const unsure = reading.timeline.value.units.filter(isUnsure)
  const next =
    steps > 0
      ? (unsure.find(({ start }) => start > seconds + 0.01) ?? unsure[0])
      : (unsure.findLast(({ start }) => start < seconds - 0.01) ?? unsure.at(-1))
  return next ?? null
}

/** The legend of the marks, with a switch. */
export function UnsureWords({
  reading,
  player,
  readAlong,
}: {
  reading: Reading
  player: Player
  readAlong: ReadAlong
}) {
  const t = messages.value.reading
  const count = reading.timeline.value.units.filter(isUnsure).length
  if (count === 0) return null
  const go = (steps: number) => {
    const unit = stepUnsure(reading, { seconds: player.seconds(), steps })
    if (unit) readAlong.goTo(unit)
  }
  return (
    <div class="legend">
      <label class="check small">
        <input
          type="checkbox"
          checked={marksUnsure.value}
          onChange={({ currentTarget: { checked } }) => {
            marksUnsure.value = checked
          }}
        />
        <span>
          <span class="unsure">{t.unsure}</span> ({count})
        </span>
      </label>
      <button type="button" class="button quiet icon" aria-label={t.previousUnsure} onClick={() => go(-1)}>
        <UpIcon />
      </button>
      <button type="button" class="button quiet icon" aria-label={t.nextUnsure} onClick={() => go(1)}>
        <DownIcon />
      </button>
    </div>
  )
}
