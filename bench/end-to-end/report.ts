import { plotOf } from '../shared/plot.ts'
import { median, spread, tableOf } from '../shared/tables.ts'
import type { Corpus } from './python.ts'
import { type Stages, secondsWith } from './stages.ts'
import type { Run } from './turns.ts'

export type Result = {
  corpus: Corpus
  rounds: Run[][]
  baseline: string
  /** Words wrong in a hundred, by subject. */
  errors: Record<string, number>
}

/** Of the baseline's time, for a long file. */
export const MOST = 0.5

type StagesOfCorpus = { name: string; runs: Stages[] }

export function comparisonOf(results: Result[]): string {
  const head = [
    'audio, and what',
    'seconds',
    '× real time',
    'of the baseline’s time',
    'WER %',
    'CPU s',
    'runs',
  ]
  const rows = results.flatMap(({ corpus, rounds, baseline, errors }) =>
    Object.entries(errors).map(([subject, error]) => {
      const runs = runsOf(rounds, subject)
      const seconds = runs.map((run) => run.seconds)
      const cpu = Object.keys(runs[0]?.cpu ?? {}).map((name) => {
        const figure = median(runs.map((run) => run.cpu[name] ?? Number.NaN)).toFixed(1)
        return `${name} ${figure}`
      })
      return [
        `${corpus.name}: ${subject}`,
        spread(seconds, 1),
        (corpus.seconds / median(seconds)).toFixed(0),
        subject === baseline ? 'baseline' : spread(ratios({ rounds, subject, baseline }), 2),
        error.toFixed(1),
        cpu.join(', '),
        String(runs.length),
      ]
    }),
  )
  return tableOf(head, rows)
}

/** What takes longer than it may, in words. */
export function missed(results: Result[], subject: string): string[] {
  return results
    .filter(({ corpus }) => corpus.recordings.length === 1)
    .flatMap(({ corpus, rounds, baseline }) => {
      const ratio = median(ratios({ rounds, subject, baseline }))
      return ratio > MOST ? [`${corpus.name}: ${ratio.toFixed(2)} of the baseline’s time`] : []
    })
}

/** Of two times of the same round. */
function ratios({ rounds, subject, baseline }: { rounds: Run[][]; subject: string; baseline: string }) {
  return rounds.flatMap((round) => {
    const [one] = runsOf([round], subject)
    const [other] = runsOf([round], baseline)
    return one && other ? [one.seconds / other.seconds] : []
  })
}

function runsOf(rounds: Run[][], name: string): Run[] {
  return rounds.flat().filter(({ subject }) => subject === name)
}

const STAGES: Record<string, (stages: Stages) => number> = {
  'accepted, after': ({ accepted }) => accepted,
  'first span sent, after': ({ spans }) => Math.min(...spans.map(({ from }) => from)),
  'first span done, after': ({ spans }) => Math.min(...spans.map(({ to }) => to)),
  'all decoded, after': ({ decoded }) => decoded,
  'last span sent, after': ({ spans }) => Math.max(...spans.map(({ from }) => from)),
  'last span done, after': ({ spans }) => Math.max(...spans.map(({ to }) => to)),
  'told that it is completed, after': ({ completed }) => completed,
  'with one span under way': (stages) => secondsWith(stages, 1),
  'between spans, with none': (stages) => secondsWith(stages, 0),
  'spans (number)': ({ spans }) => spans.length,
}

/** Where the time of a long file goes, in seconds. */
export function stagesTable(each: StagesOfCorpus[]): string {
  return tableOf(
    ['seconds', ...each.map(({ name }) => name)],
    Object.entries(STAGES).map(([name, figure]) => [
      name,
      ...each.map(({ runs }) => spread(runs.map(figure), name.endsWith('(number)') ? 0 : 2)),
    ]),
  )
}

/** What of a file is done by when: the service span by span, the others by their ends alone. */
export function plotOfStages({
  results,
  stages,
  service,
}: {
  results: Result[]
  stages: StagesOfCorpus[]
  service: string
}): string {
  const charts = stages.flatMap(({ name, runs }) => {
    const result = results.find(({ corpus }) => corpus.name === name)
    const last = runs.at(-1)
    if (!result || !last) return []
    const { corpus, rounds, errors } = result
    const others = Object.keys(errors).filter((subject) => subject !== service)
    return {
      title: `${name}: ${(corpus.seconds / 60).toFixed(0)} minutes as mp3`,
      ...{ x: 'seconds from the first byte', y: 'minutes transcribed' },
      lines: [
        { name: `${service}, span by span`, points: progressOf(last) },
        ...others.map((subject) => ({
          name: subject,
          points: [
            { x: 0, y: 0 },
            { x: median(runsOf(rounds, subject).map(({ seconds }) => seconds)), y: corpus.seconds / 60 },
          ],
        })),
      ],
    }
  })
  return plotOf(charts)
}

function progressOf({ spans }: Stages): { x: number; y: number }[] {
  let done = 0
  const points = spans.flatMap(({ to, seconds }) => {
    const before = { x: to, y: done / 60 }
    done += seconds
    return [before, { x: to, y: done / 60 }]
  })
  return [{ x: 0, y: 0 }, ...points]
}
