type Line = {
  name: string
  /** In the units of the chart's axes, sorted by x. */
  points: { x: number; y: number }[]
}

/** `x` and `y` are the axis labels, with units. */
export type Chart = { title: string; x: string; y: string; lines: Line[] }

const WIDTH = 1000
const HEIGHT = 340
const [LEFT, RIGHT, TOP, BOTTOM] = [80, WIDTH - 230, 40, HEIGHT - 50]
const COLOURS = ['#1f6fd0', '#d9480f', '#2b8a3e', '#9c36b5', '#c2255c', '#0b7285', '#8a6d00', '#495057']

/** Line charts below each other, as an SVG that is readable on white. */
export function plotSvg(charts: Chart[]): string {
  const height = HEIGHT * charts.length
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    ...charts.map((chart, index) => `<g transform="translate(0 ${index * HEIGHT})">${chartSvg(chart)}</g>`),
    '</svg>',
    '',
  ].join('\n')
}

function chartSvg({ title, x, y, lines }: Chart): string {
  const points = lines.flatMap((line) => line.points)
  const xs = points.map((point) => point.x)
  const xTicks = ticks(Math.min(...xs), Math.max(...xs))
  const yTicks = ticks(0, Math.max(...points.map((point) => point.y)))
  const atX = scale(xTicks, LEFT, RIGHT)
  const atY = scale(yTicks, BOTTOM, TOP)
  return [
    `<text x="${LEFT}" y="${TOP - 14}" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...yTicks.map((tick) => `<path d="M${LEFT} ${atY(tick)}H${RIGHT}" stroke="#dee2e6"/>`),
    ...yTicks.map((tick) => label(LEFT - 8, Number(atY(tick)) + 4, 'end', formatted(tick))),
    ...xTicks.map((tick) => `<path d="M${atX(tick)} ${BOTTOM}v5" stroke="black"/>`),
    ...xTicks.map((tick) => label(Number(atX(tick)), BOTTOM + 18, 'middle', formatted(tick))),
    `<path d="M${LEFT} ${TOP}V${BOTTOM}H${RIGHT}" fill="none" stroke="black"/>`,
    label((LEFT + RIGHT) / 2, BOTTOM + 38, 'middle', x),
    `<text transform="translate(18 ${(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
    ...lines.flatMap((line, index) => {
      const colour = COLOURS[index % COLOURS.length]
      const path = line.points.map((point) => `${atX(point.x)},${atY(point.y)}`).join(' ')
      const nameY = TOP + 10 + index * 18
      return [
        `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.6"/>`,
        `<path d="M${RIGHT + 14} ${nameY - 4}h22" stroke="${colour}" stroke-width="3"/>`,
        label(RIGHT + 42, nameY, 'start', line.name),
      ]
    }),
  ].join('\n')
}

/** About five round numbers that enclose the range; 0 and 1 for an empty range. */
function ticks(from: number, to: number): number[] {
  if (!Number.isFinite(to - from)) return [0, 1]
  const rough = (to > from ? to - from : 1) / 5
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((size) => size >= rough) ?? rough
  const first = Math.floor(from / step)
  const count = Math.max(1, Math.ceil(to / step - 1e-9) - first)
  return Array.from({ length: count + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)))
}

function scale(ticks: number[], from: number, to: number): (value: number) => string {
  const [low = 0] = ticks
  const high = ticks.at(-1) ?? 1
  return (value) => (from + ((value - low) / (high - low)) * (to - from)).toFixed(1)
}

function label(x: number, y: number, anchor: 'start' | 'middle' | 'end', text: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped(text)}</text>`
}

const formatted = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 6 })
const escaped = (text: string) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)
