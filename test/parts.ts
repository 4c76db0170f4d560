import { constants } from 'node:os'
import { linesOf } from '../src/engines/local-sidecar/lines.ts'

/** A command, and a pattern of the output lines that name a failure. */
export type Part = { name: string; command: string[]; failure: RegExp }

/** `status`: how the command failed, null if it passed. */
type Outcome = { part: Part; seconds: number; status: string | null; failures: string[] }

/** The maximum number of lines of a part in the summary. */
const MOST_FAILURES = 20

/**
 * Runs all parts one after another, also after a failure, and passes their output on. The parts of `beside` run one
 * after another while the last of `parts` runs, and their output follows its output. Then prints a summary with all
 * parts and their failures. Returns the exit status, which is 0 only if all parts passed.
 */
export async function runParts(parts: Part[], { beside = [] }: { beside?: Part[] } = {}): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      console.error(`\nStopped by ${signal}`)
      // `bun --no-orphans` kills all descendants when this process exits, also those in sessions of their
      // own.
      process.exit(128 + constants.signals[signal])
    })
  }
  const outcomes = await runAll(parts.slice(0, -1), print)
  const held: (string | Uint8Array)[] = []
  const [last, others] = await Promise.all([
    runAll(parts.slice(-1), print),
    runAll(beside, (output) => held.push(output)),
  ])
  for (const output of held) print(output)
  outcomes.push(...last, ...others)
  const failed = outcomes.filter(({ status }) => status !== null)
  console.log(
    `\n${failed.length === 0 ? 'All parts passed' : `${failed.length} of ${outcomes.length} parts failed`}:`,
  )
  for (const outcome of outcomes) console.log(described(outcome))
  return failed.length === 0 ? 0 : 1
}

type Write = (output: string | Uint8Array) => void

const print: Write = (output) => void process.stdout.write(output)

async function runAll(parts: Part[], write: Write): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const part of parts) outcomes.push(await run(part, write))
  return outcomes
}

async function run(part: Part, write: Write): Promise<Outcome> {
  write(`\n== ${part.name}: ${shown(part)}\n`)
  const begun = performance.now()
  // One pipe for stdout and stderr keeps their lines in order.
  const child = Bun.spawn(['sh', '-c', 'exec "$@" 2>&1', 'sh', ...part.command], {
    // Colors would hide the lines that name failures.
    env: { ...process.env, FORCE_COLOR: undefined },
    stdin: 'ignore',
  })
  const [copy, read] = child.stdout.tee()
  const [failures] = await Promise.all([failuresIn(read, part.failure), pass(copy, write)])
  const code = await child.exited
  const status = child.signalCode ? `ended by ${child.signalCode}` : code === 0 ? null : `exit status ${code}`
  return { part, seconds: Math.round((performance.now() - begun) / 1000), status, failures }
}

const shown = ({ command }: Part) => command.join(' ').replace(process.execPath, 'bun')

async function pass(output: ReadableStream<Uint8Array>, write: Write) {
  for await (const chunk of output) write(chunk)
}

async function failuresIn(output: ReadableStream<Uint8Array>, failure: RegExp): Promise<string[]> {
  const lines = await Array.fromAsync(linesOf(output))
  // Test runners repeat their failures at the end.
  return [...new Set(lines.filter((line) => failure.test(line)).map((line) => line.trim()))]
}

function described({ part, seconds, status, failures }: Outcome): string {
  if (status === null) return `  passed  ${part.name} (${seconds} s)`
  const first = failures.slice(0, MOST_FAILURES)
  const more = failures.length > first.length ? [`and ${failures.length - first.length} more`] : []
  const head = `  FAILED  ${part.name} (${seconds} s), ${status}: ${shown(part)}`
  return [head, ...[...first, ...more].map((line) => `            ${line}`)].join('\n')
}
