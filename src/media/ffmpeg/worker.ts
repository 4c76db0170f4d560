import { VerbatimError } from '../../errors.ts'
import type { PcmPiece } from '../media.ts'
import { chooseTrack } from './choose-track.ts'
import { confineGlobals, largestHeapBytes } from './confinement.ts'
import { decode, openInput } from './decode.ts'
import { keepInstance } from './instance.ts'
import { probeAndDecode } from './probe-and-decode.ts'
import type { Assignment, Outcome, Report } from './reports.ts'

/** After so many files a Worker is replaced. */
const MAX_FILES = 200
/** Intact recordings need less. A larger heap is not left to the garbage collector: it ends with the Worker. */
const MAX_HEAP_BYTES = 96 * 1024 * 1024

let files = 0

confineGlobals()
addEventListener('message', async ({ data }: MessageEvent<Assignment>) => {
  const outcome = await run(data)
  files += 1
  const isReusable = isReusableAfter(outcome)
  if (isReusable) keepInstance()
  send({ kind: 'finished', outcome, isReusable })
})
// This module has no top-level await, because messages that arrive during one are lost.
send({ kind: 'ready' })

/** Number of pieces that the main thread may hold while the next one is decoded. */
const MAX_AHEAD = 1

/**
 * Each file gets a decoder of its own, or one that was reset. A file that does not decode as it should ends the Worker,
 * so that whatever it has done ends with it.
 */
function isReusableAfter(outcome: Outcome): boolean {
  const { kind } = outcome
  const isIntact = kind === 'probed' ? outcome.isIntact : kind === 'chosen' || kind === 'decoded'
  return isIntact && files < MAX_FILES && largestHeapBytes() <= MAX_HEAP_BYTES
}

async function run({ module, task, takenPieces }: Assignment): Promise<Outcome> {
  let sent = 0
  function sendPiece(piece: PcmPiece): void {
    send({ kind: 'piece', piece }, [piece.pcm.buffer])
    sent += 1
    for (;;) {
      const taken = Atomics.load(takenPieces, 0)
      if (sent - taken <= MAX_AHEAD) return
      Atomics.wait(takenPieces, 0, taken)
    }
  }
  try {
    if (task.kind === 'probe') return { kind: 'probed', ...(await probeAndDecode({ ...task, module })) }
    if (task.kind === 'choose') return { kind: 'chosen', track: await chooseTrack(module, task.input) }
    const opened = await openInput({ ...task, module })
    return { kind: 'decoded', warnings: await decode(opened, { ...task, onPiece: sendPiece }) }
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

function send(report: Report, transfer: Transferable[] = []): void {
  postMessage(report, { transfer })
}
