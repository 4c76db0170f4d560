import type { ErrorCode } from '../../errors.ts'
import type { AudioInfo, PcmPiece } from '../media.ts'

/** Descriptors are opened and closed by the main thread: a killed Worker could not close its own. */
export type Input = { fd: number; size: number }

export type Task =
  | { kind: 'probe'; input: Input }
  | { kind: 'decode'; input: Input; maxSeconds: number; channel: number | null }

/** Main thread → Worker, once, after `ready`. `taken`: how many pieces of pcm the main thread is done with. */
export type Assignment = { module: WebAssembly.Module; task: Task; taken: Int32Array<SharedArrayBuffer> }

/** What a Worker ends with. */
export type Outcome =
  | { kind: 'probed'; info: AudioInfo }
  | { kind: 'decoded' }
  | { kind: 'refused'; code: ErrorCode; message: string }
  | { kind: 'crashed'; message: string }

/** Worker → main thread. */
export type Report = { kind: 'ready' } | { kind: 'piece'; piece: PcmPiece } | Outcome
