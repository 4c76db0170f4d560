import { VerbatimError } from '../../errors.ts'
import { confineGlobals } from './confinement.ts'
import { decode } from './decode.ts'
import { probe } from './probe.ts'
import { corrupt } from './refusals.ts'
import type { Assignment, Outcome, Report } from './reports.ts'

/** One Worker, one file: whatever a hostile recording does to it ends with it. */
confineGlobals()
addEventListener('message', async ({ data }: MessageEvent<Assignment>) => say(await work(data)), {
  once: true,
})
// No top-level await in this file: a message that came meanwhile would be lost. So the work is asked for.
say({ kind: 'ready' })

async function work({ module, task }: Assignment): Promise<Outcome> {
  try {
    if (task.kind === 'probe') return { kind: 'probed', info: await probe(module, task.input) }
    const onProgress = (seconds: number) => say({ kind: 'progress', seconds })
    return { kind: 'decoded', audio: await decode({ ...task, module, onProgress }) }
  } catch (error) {
    return outcomeOf(error)
  }
}

function outcomeOf(error: unknown): Outcome {
  // The decoder was driven into a trap: its memory bounds held, and the file is to blame.
  const told = error instanceof WebAssembly.RuntimeError ? corrupt() : error
  if (told instanceof VerbatimError) return { kind: 'refused', code: told.code, message: told.message }
  return { kind: 'crashed', message: told instanceof Error ? `${told.name}: ${told.message}` : String(told) }
}

function say(report: Report): void {
  postMessage(report)
}
