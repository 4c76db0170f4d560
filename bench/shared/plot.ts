export type Line = {
  name: string
  /** In the units of the chart's axes, in the order of x. */
  points: { x: number; y: number }[]
}

export type Chart = {
  title: string
  /** What each axis is of, with its unit. */
  x: string
  y: string
  lines: Line[]
}

const WIDTH = 1000
const HEIGHT = 340
const ROOM = { left: 80, right: 230, top: 40, bottom: 50 }
const COLOURS = [
  ...['#1f6fd0', '#d9480f', '#2b8a3e', '#9c36b5', '#c2255c', '#0b7285'],
  ...['#8a6d00', '#495057', '#5f3dc4', '#087f5b', '#a61e4d', '#364fc7'],
]

/** An SVG of charts one below the other, each with lines from 0 up, its axes and its names; readable on white. */
export function plotOf(charts: Chart[]): string {
  const body = charts.map(
    (chart, index) => `<g transform="translate(0 ${index * HEIGHT})">${drawn(chart)}</g>`,
  )
  const height = HEIGHT * charts.length
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    ...body,
    '</svg>',
    '',
  ].join('\n')
}

function drawn({ title, x, y, lines }: Chart): string {
  const points = lines.flatMap((line) => line.points)
  const across = ticksOf(least(points.map((point) => point.x)), most(points.map((point) => point.x)))
  const up = ticksOf(0, most(points.map((point) => point.y)))
  const [left, right] = [ROOM.left, WIDTH - ROOM.right]
  const [top, bottom] = [ROOM.top, HEIGHT - ROOM.bottom]
  const atX = scaleOf(across, left, right)
  const atY = scaleOf(up, bottom, top)
  return [
    `<text x="${left}" y="${top - 14}" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...up.map((tick) => `<path d="M${left} ${atY(tick)}H${right}" stroke="#dee2e6"/>`),
    ...up.map((tick) => text(left - 8, Number(atY(tick)) + 4, 'end', told(tick))),
    ...across.map((tick) => `<path d="M${atX(tick)} ${bottom}v5" stroke="black"/>`),
    ...across.map((tick) => text(Number(atX(tick)), bottom + 18, 'middle', told(tick))),
    `<path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="black"/>`,
    text((left + right) / 2, bottom + 38, 'middle', x),
    `<text transform="translate(18 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
    ...lines.flatMap((line, index) => {
      const colour = COLOURS[index % COLOURS.length]
      const path = line.points.map((point) => `${atX(point.x)},${atY(point.y)}`).join(' ')
      const nameY = top + 10 + index * 18
      return [
        `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.6"/>`,
        `<path d="M${right + 14} ${nameY - 4}h22" stroke="${colour}" stroke-width="3"/>`,
        text(right + 42, nameY, 'start', line.name),
      ]
    }),
  ].join('\n')
}

/** Round numbers, five or so, of which the first and last enclose both; from 0 to 1 where there is nothing to enclose. */
function ticksOf(from: number, to: number): number[] {
  if (!Number.isFinite(to - from)) return [0, 1]
  const rough = (to > from ? to - from : 1) / 5
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map((one) => one * magnitude).find((one) => one >= rough) ?? rough
  const first = Math.floor(from / step)
  const count = Math.max(1, Math.ceil(to / step - 1e-9) - first)
  return Array.from({ length: count + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)))
}

function scaleOf(ticks: number[], from: number, to: number): (value: number) => string {
  const [low = 0] = ticks
  const high = ticks.at(-1) ?? 1
  return (value) => (from + ((value - low) / (high - low)) * (to - from)).toFixed(1)
}

function text(x: number, y: number, anchor: 'start' | 'middle' | 'end', words: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped(words)}</text>`
}

const told = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 6 })
const least = (values: number[]) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
const most = (values: number[]) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)

function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)
}
