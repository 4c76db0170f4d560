import type { ErrorCode } from '../../errors.ts'
import type { Warning } from '../../warnings.ts'
import type { AudioInfo, PcmPiece, Sound } from '../media.ts'

/** The main thread opens and closes the descriptor, since a killed Worker could not close it. */
export type Input = { fd: number; size: number }

/** `decodesUpTo`: the seconds up to which a probed file is decoded at once, since its decoder is open; 0: never. */
export type Task =
  | { kind: 'probe'; input: Input; track: number | null; decodesUpTo: number }
  | { kind: 'choose'; input: Input }
  | { kind: 'decode'; input: Input; maxSeconds: number; track: number | null; channel: number | null }

/** Main thread → Worker, for each file. `takenPieces`: the number of pieces that `take` has finished. */
export type Assignment = {
  module: WebAssembly.Module
  task: Task
  takenPieces: Int32Array<SharedArrayBuffer>
}

/** How a task ended. */
export type Outcome =
  | { kind: 'probed'; info: AudioInfo; sound: Sound | null; isIntact: boolean }
  | { kind: 'chosen'; track: number }
  | { kind: 'decoded'; warnings: Warning[] }
  | { kind: 'refused'; code: ErrorCode; message: string }
  | { kind: 'crashed'; message: string }

/**
 * Worker → main thread: `ready` once, after its start; `finished` after each task. `isReusable`: the Worker may get
 * another file.
 */
export type Report =
  | { kind: 'ready' }
  | { kind: 'piece'; piece: PcmPiece }
  | { kind: 'finished'; outcome: Outcome; isReusable: boolean }
