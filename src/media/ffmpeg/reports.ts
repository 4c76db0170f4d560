import type { ErrorCode } from '../../errors.ts'
import type { AudioInfo, DecodedAudio } from '../media.ts'

/** Descriptors are opened and closed by the main thread: a killed Worker could not close its own. */
export type Input = { fd: number; size: number }

export type Task =
  | { kind: 'probe'; input: Input }
  | { kind: 'decode'; input: Input; pcmFd: number; maxSeconds: number; channel: number | null }

/** Main thread → Worker, once, after `ready`. */
export type Assignment = { module: WebAssembly.Module; task: Task }

/** What a Worker ends with. */
export type Outcome =
  | { kind: 'probed'; info: AudioInfo }
  | { kind: 'decoded'; audio: DecodedAudio }
  | { kind: 'refused'; code: ErrorCode; message: string }
  | { kind: 'crashed'; message: string }

/** Worker → main thread. */
export type Report = { kind: 'ready' } | { kind: 'progress'; seconds: number } | Outcome
