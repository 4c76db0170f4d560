import { useEffect, useRef } from 'preact/hooks'
import { formatDuration } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import { PauseIcon, PlayIcon } from '../layout/icons.tsx'
import { BackIcon, FollowIcon, ForwardIcon, KeyboardIcon } from './icons.tsx'
import { type Player, RATES, rate, skipsSilence } from './player.ts'
import type { ReadAlong } from './read-along.ts'
import type { Reading } from './reading.ts'
import { Waveform } from './waveform.tsx'

const JUMP_SECONDS = 10

/** The player, at the bottom of the window. */
export function PlayerBar({
  reading,
  player,
  readAlong,
  onShortcuts,
}: {
  reading: Reading
  player: Player
  readAlong: ReadAlong
  onShortcuts: () => void
}) {
  const t = messages.value.reading
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => place.current?.append(player.element), [player])
  const isPlaying = player.isPlaying.value
  return (
    <section class="player" aria-label={t.player}>
      <div ref={place} hidden />
      <Waveform reading={reading} player={player} />
      {player.problem.value && (
        <p class="notice warn small" role="alert">
          {t.unplayable}
        </p>
      )}
      <div class="controls">
        <button
          type="button"
          class="button quiet icon"
          aria-label={t.back(JUMP_SECONDS)}
          title={t.back(JUMP_SECONDS)}
          onClick={() => player.seek(player.seconds() - JUMP_SECONDS)}
        >
          <BackIcon />
        </button>
        <button
          type="button"
          class="button primary icon play"
          aria-label={isPlaying ? t.pause : t.play}
          title={isPlaying ? t.pause : t.play}
          onClick={player.toggle}
        >
          {isPlaying ? <PauseIcon /> : <PlayIcon />}
        </button>
        <button
          type="button"
          class="button quiet icon"
          aria-label={t.forward(JUMP_SECONDS)}
          title={t.forward(JUMP_SECONDS)}
          onClick={() => player.seek(player.seconds() + JUMP_SECONDS)}
        >
          <ForwardIcon />
        </button>
        <Clock player={player} />
        <select
          class="input rate"
          aria-label={t.speed}
          title={t.speed}
          value={rate.value}
          onChange={({ currentTarget: { value } }) => {
            rate.value = RATES.find((known) => known === Number(value)) ?? 1
          }}
        >
          {RATES.map((value) => (
            <option key={value} value={value}>
              {value}×
            </option>
          ))}
        </select>
        <label class="check small">
          <input
            type="checkbox"
            checked={skipsSilence.value}
            onChange={({ currentTarget: { checked } }) => {
              skipsSilence.value = checked
            }}
          />
          {t.skipSilence}
        </label>
        <button
          type="button"
          class="button quiet icon wide"
          aria-label={t.shortcuts}
          title={t.shortcuts}
          onClick={onShortcuts}
        >
          <KeyboardIcon />
        </button>
      </div>
      {isPlaying && !readAlong.isFollowing.value && (
        <button type="button" class="button follow" onClick={readAlong.follow}>
          <FollowIcon />
          {t.follow}
        </button>
      )}
    </section>
  )
}

/** Only this changes each second. */
function Clock({ player }: { player: Player }) {
  return (
    <span class="clock">
      {formatDuration(player.second.value)}
      <span class="soft"> / {formatDuration(player.range.value.to)}</span>
    </span>
  )
}
