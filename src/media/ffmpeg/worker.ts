import { VerbatimError } from '../../errors.ts'
import { confineGlobals } from './confinement.ts'
import { decode } from './decode.ts'
import { probe } from './probe.ts'
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
  if (error instanceof VerbatimError) return { kind: 'refused', code: error.code, message: error.message }
  return {
    kind: 'crashed',
    message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  }
}

function say(report: Report): void {
  postMessage(report)
}
