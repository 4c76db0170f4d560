import { SAMPLE_RATE } from '../media.ts'

/** Samples of a channel that are mixed and limited together: 20 ms. */
export const BLOCK_SAMPLES = SAMPLE_RATE / 50

/** −90 dBFS, as the mean square of samples from −1 to 1. */
export const SILENT_POWER = 1e-9
