import { useEffect, useRef } from 'preact/hooks'
import { api, unwrap } from '../api/client.ts'
import { formatDuration } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import type { Player } from './player.ts'
import type { Reading } from './reading.ts'
import { speakerColor } from './speaker-colors.ts'

const SAMPLE_RATE = 16_000
/** The API takes multiples of this. */
const SAMPLES_PER_LEVEL = 800
const MAX_PIXELS = 1600
const BAR = 3
const LANE = 4
const STEPS: Record<string, number> = {
  ArrowLeft: -5,
  ArrowDown: -5,
  ArrowRight: 5,
  ArrowUp: 5,
  PageDown: -60,
  PageUp: 60,
}

type Peaks = { from: number; seconds: number; levels: Float32Array }

/** The waveform, which is a slider for the position. Below it: who speaks. */
export function Waveform({ reading, player }: { reading: Reading; player: Player }) {
  const t = messages.value
  const slider = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const played = useRef<HTMLCanvasElement>(null)
  const { from, to } = player.range.value
  const length = to - from
  const segments = reading.segments.value
  const isFinal = reading.transcript.value !== null
  useEffect(() => {
    if (!canvas.current || !played.current || length <= 0) return
    return drawWaveform(reading, { base: canvas.current, played: played.current, from, length })
  }, [length, segments, isFinal])
  useEffect(
    () =>
      player.onTime((seconds) => {
        const share = length > 0 ? (seconds - from) / length : 0
        slider.current?.style.setProperty(
          '--played',
          `${(Math.min(Math.max(share, 0), 1) * 100).toFixed(3)}%`,
        )
      }),
    [player, from, length],
  )
  const seekTo = (event: PointerEvent) => {
    const box = slider.current?.getBoundingClientRect()
    if (box) player.seek(from + ((event.clientX - box.left) / box.width) * length)
  }
  return (
    <div
      class="waveform"
      ref={slider}
      role="slider"
      tabIndex={0}
      aria-label={t.reading.position}
      aria-valuemin={Math.floor(from)}
      aria-valuemax={Math.ceil(to)}
      aria-valuenow={Math.min(Math.max(player.second.value, Math.floor(from)), Math.ceil(to))}
      aria-valuetext={t.reading.positionOf(formatDuration(player.second.value), formatDuration(to))}
      onPointerDown={(event) => {
        if (event.button !== 0) return
        event.currentTarget.setPointerCapture(event.pointerId)
        seekTo(event)
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) seekTo(event)
      }}
      onKeyDown={(event) => {
        const target =
          event.key === 'Home'
            ? from
            : event.key === 'End'
              ? to
              : player.seconds() + (STEPS[event.key] ?? Number.NaN)
        if (Number.isNaN(target) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
        event.preventDefault()
        event.stopPropagation()
        player.seek(target)
      }}
    >
      <canvas ref={canvas} />
      <canvas ref={played} class="played" />
      <span class="cursor" />
    </div>
  )
}

type Target = { base: HTMLCanvasElement; played: HTMLCanvasElement; from: number; length: number }

/** Draws both canvases, again after each change of their size or of the theme. */
function drawWaveform(reading: Reading, { base, played, from, length }: Target): () => void {
  let peaks: Peaks | null = null
  let isClosed = false
  const draw = () => {
    for (const target of [base, played]) drawOnto(target, { peaks, reading, from, length })
  }
  loadPeaks(reading, { from, length })
    .then((loaded) => {
      peaks = loaded
      if (!isClosed) draw()
    })
    // Not decoded yet, or removed: the slider works without it.
    .catch(() => {})
  const resized = new ResizeObserver(draw)
  resized.observe(base)
  const themed = new MutationObserver(draw)
  themed.observe(document.documentElement, { attributeFilter: ['data-theme'] })
  const dark = matchMedia('(prefers-color-scheme: dark)')
  dark.addEventListener('change', draw)
  return () => {
    isClosed = true
    resized.disconnect()
    themed.disconnect()
    dark.removeEventListener('change', draw)
  }
}

async function loadPeaks(
  { id }: Reading,
  { from, length }: { from: number; length: number },
): Promise<Peaks> {
  const levels = Math.max(1, Math.ceil((length * SAMPLE_RATE) / MAX_PIXELS / SAMPLES_PER_LEVEL))
  const samples_per_pixel = levels * SAMPLES_PER_LEVEL
  const {
    data,
    channels,
    length: pixels,
  } = await unwrap(api.transcriptions({ id }).waveform.get({ query: { samples_per_pixel } }))
  const heights = Float32Array.from({ length: pixels }, (_, pixel) => {
    const values = data.slice(pixel * channels * 2, (pixel + 1) * channels * 2)
    return Math.max(...values.map(Math.abs))
  })
  // Quiet recordings are drawn as high as loud ones.
  const loudest = Math.max(...heights, 1)
  return {
    from,
    seconds: (pixels * samples_per_pixel) / SAMPLE_RATE,
    levels: heights.map((height) => height / loudest),
  }
}

type Drawn = { peaks: Peaks | null; reading: Reading; from: number; length: number }

function drawOnto(canvas: HTMLCanvasElement, { peaks, reading, from, length }: Drawn): void {
  const scale = devicePixelRatio
  const { clientWidth: width, clientHeight: height } = canvas
  canvas.width = width * scale
  canvas.height = height * scale
  const context = canvas.getContext('2d')
  if (!context || width === 0) return
  context.scale(scale, scale)
  context.fillStyle = getComputedStyle(canvas).color
  const hasLane = reading.speakers.value.length > 0
  const room = hasLane ? height - LANE - 3 : height
  for (let x = 0; x < width; x += BAR) {
    const level = peaks
      ? loudestIn(peaks, { from: (x / width) * length, to: ((x + BAR) / width) * length })
      : 0
    const bar = Math.max(1.5, level * room)
    context.fillRect(x, (room - bar) / 2, BAR - 1, bar)
  }
  if (!hasLane) return
  const colors = new Map(reading.speakers.value.map(({ id }, index) => [id, speakerColor(index)]))
  for (const { start, end, speaker } of reading.segments.value) {
    const color = speaker && colors.get(speaker)
    if (!color) continue
    context.fillStyle = color
    const x = ((start - from) / length) * width
    context.fillRect(x, height - LANE, Math.max(1, ((end - start) / length) * width), LANE)
  }
}

function loudestIn({ levels, seconds }: Peaks, { from, to }: { from: number; to: number }): number {
  const first = Math.floor((from / seconds) * levels.length)
  const last = Math.max(first + 1, Math.ceil((to / seconds) * levels.length))
  return Math.max(0, ...levels.subarray(first, last))
}
