import type { Status } from './client.ts'
import type { Format } from './formats.ts'

/** What happens to a recording, in the form of `--json`. `source` is the recording as the user named it. */
export type Report =
  | { event: 'uploading'; source: string; sent: number; size: number }
  | { event: 'accepted'; source: string; id: string }
  | { event: 'status'; source: string; id: string; status: Status }
  | { event: 'segments' | 'speakers'; source: string; id: string; data: object }
  | { event: 'transcript'; source: string; id: string; format: Format; text: string }
  | { event: 'written'; source: string; id: string; format: Format; path: string }
  | { event: 'completed'; source: string; id: string; status: Status; seconds: number }
  | { event: 'failed'; source: string; id: string | null; code: string; error: string }
  | { event: 'interrupted'; source: string; id: string | null; is_canceled: boolean; resume: string | null }
  | { event: 'watching'; source: string }
  | { event: 'service'; message: string }

/** Shows reports to the user. */
export type Reporter = {
  report(report: Report): void
  /** Ends the display. */
  close(): void
}

/** One JSON object per line. */
export function jsonReporter(write: (line: string) => void): Reporter {
  return {
    report: (report) => write(`${JSON.stringify(report)}\n`),
    close() {},
  }
}

/** Lines for a log file: no cursor movements, no colors. Transcripts go to `print`. */
export function lineReporter({
  write,
  print,
  isQuiet,
}: {
  write: (line: string) => void
  print: (text: string) => void
  /** Only lines about recordings that were not transcribed. */
  isQuiet: boolean
}): Reporter {
  return {
    report(report) {
      if (report.event === 'transcript') print(report.text)
      if (isQuiet && report.event !== 'failed' && report.event !== 'interrupted') return
      for (const line of linesOf(report)) write(`${line.text}\n`)
    },
    close() {},
  }
}

export type Line = { mark: 'good' | 'bad' | 'note'; text: string }

/** The permanent lines of a report. */
export function linesOf(report: Report): Line[] {
  switch (report.event) {
    case 'accepted':
      return [note(`${report.source}: uploaded as ${report.id}`)]
    case 'written':
      return [note(`${report.source}: wrote ${report.path}`)]
    case 'completed':
      return [
        { mark: 'good', text: printable(`${report.source}: completed, ${summary(report)}`) },
        ...report.status.warnings.map(({ message }) => note(`${report.source}: warning: ${message}`)),
      ]
    case 'failed':
      return [{ mark: 'bad', text: printable(`${report.source}: ${report.error}`) }]
    case 'interrupted':
      return [note(`${report.source}: ${report.is_canceled ? 'canceled' : report.resume}`)]
    case 'watching':
      return [note(`Watching ${report.source} for recordings; Ctrl-C ends it`)]
    case 'service':
      return [note(report.message)]
    default:
      return []
  }
}

const note = (text: string): Line => ({ mark: 'note', text: printable(text) })

function summary({ status, seconds }: Report & { event: 'completed' }): string {
  const length = status.duration === null ? '' : `${formatSeconds(status.duration)} of audio, `
  return `${length}language ${status.language}, took ${formatSeconds(seconds)}`
}

/** `12 s`, `3:05`, `1:02:03`. */
export function formatSeconds(seconds: number): string {
  const total = Math.round(seconds)
  if (total < 60) return `${total} s`
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
  const two = (number: number) => String(number).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** Replaces control characters, which could change a terminal. */
export const printable = (text: string) => text.replace(/\p{Cc}/gu, '\u{fffd}')
