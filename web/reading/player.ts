import { computed, effect, signal } from '@preact/signals'
import { stored } from '../stored.ts'
import type { Reading } from './reading.ts'

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3] as const

/** A link is renewed this long before it expires. */
const RENEW_BEFORE_SECONDS = 60
/** A link that fails this soon after it was renewed has not failed because it expired. */
const RENEWED_MS = 10_000
/** A shorter silence is not worth a jump. */
const MIN_JUMP_SECONDS = 0.4
/** The media element is ready to seek. */
const HAS_METADATA = 1

const isRate = (value: unknown): value is (typeof RATES)[number] => RATES.some((rate) => rate === value)

export const rate = stored<(typeof RATES)[number]>('verbatim.rate', 1, (value) => (isRate(value) ? value : 1))
export const skipsSilence = stored('verbatim.skip-silence', false, (value) => value === true)

export type Player = ReturnType<typeof createPlayer>

/** Plays the audio of a transcription, which the browser streams by Range, from a signed link. */
export function createPlayer(reading: Reading) {
  const element = new Audio()
  element.preload = 'metadata'
  const isPlaying = signal(false)
  /** For the clock: changes once a second. */
  const second = signal(0)
  const problem = signal<'unplayable' | null>(null)
  const listeners = new Set<(seconds: number) => void>()
  let frame = 0
  let renewedAt = 0
  /** Whether the user wants to hear the audio, also while its link is renewed. */
  let isWanted = false
  /** Where to start, until the element knows its length. */
  let pending: number | null = null

  const range = computed(() => {
    const from = reading.status.value?.start ?? 0
    return { from, to: from + (reading.status.value?.duration ?? 0) }
  })
  /** Once the service has decoded the audio, and until it removes it. */
  const isAvailable = computed(() => {
    const { audio_file = null, duration = null } = reading.status.value ?? {}
    return audio_file !== null && duration !== null
  })

  const seconds = () => pending ?? element.currentTime

  function notify() {
    const now = seconds()
    second.value = Math.floor(now)
    for (const listener of listeners) listener(now)
  }

  function tick() {
    if (skipsSilence.value && isPlaying.value) {
      const next = reading.timeline.value.speechAfter(element.currentTime)
      if (next !== null && next - element.currentTime > MIN_JUMP_SECONDS) element.currentTime = next
    }
    notify()
  }

  function loop() {
    tick()
    frame = requestAnimationFrame(loop)
  }

  function load(link: string) {
    // The link may name another host (`PUBLIC_URL`), which the policy of the page forbids.
    const { pathname, search } = new URL(link, location.origin)
    if (pending === null && element.currentTime > 0) pending = element.currentTime
    element.src = pathname + search
    element.playbackRate = rate.value
  }

  async function renew() {
    renewedAt = Date.now()
    await reading.refreshStatus()
    const link = reading.status.value?.audio_file
    if (link) load(link)
  }

  async function recover() {
    if (!element.getAttribute('src')) return
    if (Date.now() - renewedAt < RENEWED_MS) {
      problem.value = 'unplayable'
      isPlaying.value = false
      isWanted = false
      return
    }
    // Without a connection, the next click on play tries again.
    await renew().catch(() => {})
    if (isWanted) await play()
  }

  async function play() {
    problem.value = null
    isWanted = true
    const expires = Number(new URL(element.src || '/', location.origin).searchParams.get('expires'))
    if (expires - Date.now() / 1000 < RENEW_BEFORE_SECONDS) await renew().catch(() => {})
    // The browser refuses without a click, and rejects if the element is paused at once.
    await element.play().catch(() => {})
  }

  function pause() {
    isWanted = false
    element.pause()
  }

  function seek(to: number) {
    const { from, to: end } = range.value
    const target = Math.min(Math.max(to, from), end || to)
    if (element.readyState < HAS_METADATA) pending = target
    else element.currentTime = target
    notify()
  }

  element.addEventListener('loadedmetadata', () => {
    element.playbackRate = rate.value
    if (pending !== null) element.currentTime = pending
    pending = null
    notify()
  })
  element.addEventListener('play', () => {
    isPlaying.value = true
    cancelAnimationFrame(frame)
    loop()
  })
  element.addEventListener('pause', () => {
    isPlaying.value = false
    cancelAnimationFrame(frame)
    notify()
  })
  element.addEventListener('ended', pause)
  element.addEventListener('seeked', notify)
  // Frames are not drawn in the background, where silence is skipped too.
  element.addEventListener('timeupdate', tick)
  element.addEventListener('error', recover)

  // The first link only: a later status has another link to the same audio.
  const stopLoading = effect(() => {
    const link = reading.status.value?.audio_file
    if (link && !element.getAttribute('src')) load(link)
  })
  const stopRate = effect(() => {
    element.playbackRate = rate.value
  })

  return {
    element,
    isPlaying,
    second,
    problem,
    range,
    isAvailable,
    seconds,
    play,
    toggle: () => (element.paused ? play() : pause()),
    seek,
    playFrom(to: number) {
      seek(to)
      return play()
    },
    /** Calls `listener` in each frame while the audio plays, and after each change of the position. */
    onTime(listener: (seconds: number) => void): () => void {
      listeners.add(listener)
      listener(seconds())
      return () => listeners.delete(listener)
    },
    close() {
      stopLoading()
      stopRate()
      cancelAnimationFrame(frame)
      element.pause()
      element.removeAttribute('src')
      element.load()
    },
  }
}

export function changeRate(steps: number): void {
  const next = RATES[RATES.indexOf(rate.value) + steps]
  if (next !== undefined) rate.value = next
}
