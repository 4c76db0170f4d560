import type { ErrorCode } from '../../errors.ts'
import type { Warning } from '../../warnings.ts'
import type { AudioInfo, PcmPiece } from '../media.ts'

/** The main thread opens and closes the descriptor, since a killed Worker could not close it. */
export type Input = { fd: number; size: number }

export type Task =
  | { kind: 'probe'; input: Input; track: number | null }
  | { kind: 'choose'; input: Input }
  | { kind: 'decode'; input: Input; maxSeconds: number; track: number | null; channel: number | null }

/**
 * Main thread → Worker, once, after `ready`. `takenPieces`: the number of pieces that `take` has finished.
 */
export type Assignment = {
  module: WebAssembly.Module
  task: Task
  takenPieces: Int32Array<SharedArrayBuffer>
}

/** The last report of a Worker. */
export type Outcome =
  | { kind: 'probed'; info: AudioInfo }
  | { kind: 'chosen'; track: number }
  | { kind: 'decoded'; warnings: Warning[] }
  | { kind: 'refused'; code: ErrorCode; message: string }
  | { kind: 'crashed'; message: string }

/** Worker → main thread. */
export type Report = { kind: 'ready' } | { kind: 'piece'; piece: PcmPiece } | Outcome
