import { VerbatimError } from '../../errors.ts'
import type { PcmPiece } from '../media.ts'
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

/** A piece may be with the main thread while the next is being decoded. */
const MAX_AHEAD = 1

async function work({ module, task, taken }: Assignment): Promise<Outcome> {
  let given = 0
  function give(piece: PcmPiece): void {
    say({ kind: 'piece', piece }, [piece.pcm.buffer])
    given += 1
    for (let seen = Atomics.load(taken, 0); given - seen > MAX_AHEAD; seen = Atomics.load(taken, 0)) {
      Atomics.wait(taken, 0, seen)
    }
  }
  try {
    if (task.kind === 'probe') return { kind: 'probed', info: await probe(module, task.input) }
    await decode({ ...task, module, give })
    return { kind: 'decoded' }
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

function say(report: Report, transfer: Transferable[] = []): void {
  postMessage(report, { transfer })
}
