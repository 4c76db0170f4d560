import type { Played } from './play.ts'
import type { Line } from './protocol.ts'

export type PlayedCase = Played & {
  index: number
  /** The whole process's resident memory at most while this case, and others beside it, were under way. */
  peakBytes: number
}

/** `cases`: which may have done it; none when it was no single one. */
export type Finding = { what: string; cases: number[] }

export type Ledger = ReturnType<typeof createLedger>

/** Gathers what a player says and what is seen of it. */
export function createLedger({ onPlayed }: { onPlayed?: ((played: PlayedCase) => void) | undefined } = {}) {
  const played: PlayedCase[] = []
  const findings: Finding[] = []
  const memory = { nowBytes: 0, warmBytes: 0, peakBytes: 0, endBytes: 0 }
  /** Peak memory since each case under way began. */
  const underWay = new Map<number, number>()

  return {
    played,
    findings,
    memory,

    hear(line: Line): void {
      if (line.kind === 'whole') {
        const due = line.name.startsWith('silent.') ? 'no_audio_track' : 'decoded'
        const found = line.outcome === due ? line.findings : [`ended as ${line.outcome}`, ...line.findings]
        findings.push(...found.map((what) => ({ what: `${line.name}, undamaged: ${what}`, cases: [] })))
      } else if (line.kind === 'warm') {
        memory.warmBytes ||= memory.nowBytes
      } else if (line.kind === 'started') {
        underWay.set(line.index, memory.nowBytes)
      } else if (line.kind === 'ended') {
        const { index, outcome, ms } = line
        const one = { index, outcome, ms, findings: line.findings, peakBytes: underWay.get(index) ?? 0 }
        underWay.delete(index)
        played.push(one)
        findings.push(...line.findings.map((what) => ({ what, cases: [index] })))
        onPlayed?.(one)
      } else {
        memory.endBytes = memory.nowBytes
        findings.push(...line.open.map((path) => ({ what: `still open: ${path}`, cases: [] })))
      }
    },

    remember(bytes: number): void {
      memory.nowBytes = bytes
      memory.peakBytes = Math.max(memory.peakBytes, bytes)
      for (const [index, peak] of underWay) underWay.set(index, Math.max(peak, bytes))
    },

    /** Blames every case that is under way. */
    blame(what: string): void {
      findings.push({ what, cases: [...underWay.keys()] })
    },

    /** Forgets the cases under way, as their process is gone; gives the first case that had not begun. */
    next(from: number): number {
      const begun = [...underWay.keys(), ...played.map(({ index }) => index)]
      underWay.clear()
      return begun.reduce((next, index) => Math.max(next, index + 1), from)
    },
  }
}
