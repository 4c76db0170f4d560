import { CommanderError } from 'commander'
import { EXIT, Failure, Interrupted, UsageError } from './failure.ts'
import { withSpeakers } from './fields.ts'
import { createProgram } from './program.ts'

/** Ctrl-C in a terminal reaches this process twice: from the terminal, and from the launcher, which forwards it. */
const SAME_SIGNAL_MS = 250

/** The first signal aborts with `Interrupted`, a second one exits at once. */
function watchSignals() {
  const interrupted = new AbortController()
  let signaledAt: number | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    const exitCode = signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted
    if (signaledAt !== undefined && performance.now() - signaledAt > SAME_SIGNAL_MS) process.exit(exitCode)
    if (signaledAt !== undefined) return
    signaledAt = performance.now()
    interrupted.abort(new Interrupted(exitCode))
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, onSignal)
  return {
    signal: interrupted.signal,
    release: () => {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}

/** The exit code of an error, which is printed. */
function exitCodeOf(error: unknown): number {
  // Commander has printed its own errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (error instanceof Interrupted) return error.exitCode
  console.error(error instanceof Failure ? `verbatim: ${error.message}` : error)
  return error instanceof UsageError ? EXIT.usage : EXIT.failed
}

/** Resolves once everything is written, also to a pipe. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}

const { signal, release } = watchSignals()
// The launcher was killed.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
let exitCode: number = EXIT.ok
let isService = false
const program = createProgram({
  env: process.env,
  signal,
  releaseSignals() {
    release()
    isService = true
  },
  setExitCode(code) {
    exitCode = code
  },
})
for (const command of [program, ...program.commands]) command.exitOverride()
try {
  await program.parseAsync(withSpeakers(process.argv.slice(2)), { from: 'user' })
} catch (error) {
  exitCode = exitCodeOf(error)
}
if (!isService) {
  await Promise.all([process.stdout, process.stderr].map(flush))
  // An open standard input would keep the process alive.
  process.exit(exitCode)
}
