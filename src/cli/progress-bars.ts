import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import { createLogUpdate } from 'log-update'
import type { Status } from './client.ts'
import { formatSeconds, type Line, linesOf, printable, type Report, type Reporter } from './reporter.ts'

const FRAME_MS = 100
const NAME_WIDTH = 28
const BAR_WIDTH = 20
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** The state of a recording that is in progress: its share that is done, from 0 to 1. */
type Bar = { share: number; text: string }

/** A bar for each recording in progress, below permanent lines. */
export function barReporter({
  stream,
  print,
}: {
  stream: WriteStream
  /** Receives transcripts. */
  print: (text: string) => void
}): Reporter {
  const logUpdate = createLogUpdate(stream)
  const bars = new Map<string, Bar>()
  let service = ''
  let frame = 0

  function render() {
    const spinner = SPINNER[frame++ % SPINNER.length]
    const room = Math.max(1, (stream.rows || 24) - 2)
    const shown = [...bars].slice(0, room).map(([source, bar]) => `${spinner} ${lineOf(source, bar)}`)
    const rest = bars.size > room ? [`  and ${bars.size - room} more`] : []
    const lines = [...(service && bars.size > 0 ? [`  ${service}`] : []), ...shown, ...rest]
    const width = (stream.columns || 80) - 1
    if (lines.length === 0) logUpdate.clear()
    else logUpdate(lines.map((line) => line.slice(0, width)).join('\n'))
  }

  const timer = setInterval(render, FRAME_MS)
  return {
    report(report) {
      if (report.event === 'service') service = printable(report.message)
      else updateBar(bars, report)
      if (report.event === 'service' || report.event === 'accepted') return
      const lines = linesOf(report)
      if (lines.length === 0 && report.event !== 'transcript') return
      logUpdate.clear()
      if (report.event === 'transcript') print(report.text)
      for (const line of lines) stream.write(`${colored(line)}\n`)
      if (bars.size > 0) render()
    },
    close() {
      clearInterval(timer)
      logUpdate.clear()
      logUpdate.done()
    },
  }
}

function updateBar(bars: Map<string, Bar>, report: Exclude<Report, { event: 'service' }>): void {
  const { source } = report
  switch (report.event) {
    case 'uploading': {
      const { sent, size } = report
      const share = size === 0 ? 1 : sent / size
      const text = `uploading ${formatBytes(sent)} of ${formatBytes(size)}`
      bars.set(source, share < 1 ? { share, text } : { share, text: 'waiting for the server' })
      break
    }
    case 'accepted':
      bars.set(source, { share: 0, text: 'uploaded' })
      break
    case 'status':
      bars.set(source, { share: report.status.progress, text: stateOf(report.status) })
      break
    case 'completed':
    case 'failed':
    case 'interrupted':
      bars.delete(source)
  }
}

function stateOf({ status, queue_position: position, estimated_seconds: seconds }: Status): string {
  const rest = seconds === null ? '' : `, about ${formatSeconds(seconds)} left`
  if (status === 'queued') return position ? `waiting behind ${position} others${rest}` : `queued${rest}`
  return status === 'processing' ? `transcribing${rest}` : status
}

function lineOf(source: string, { share, text }: Bar): string {
  const name = printable(source)
  const short = name.length > NAME_WIDTH ? `…${name.slice(1 - NAME_WIDTH)}` : name.padEnd(NAME_WIDTH)
  const full = Math.round(share * BAR_WIDTH)
  const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full)
  return `${short} ${bar} ${String(Math.floor(share * 100)).padStart(3)} % ${text}`
}

function colored({ mark, text }: Line): string {
  if (mark === 'good') return `${styleText('green', '✓')} ${text}`
  return mark === 'bad' ? `${styleText('red', '✗')} ${text}` : `  ${text}`
}

function formatBytes(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}
