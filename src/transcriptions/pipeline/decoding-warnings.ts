import type { Warning, WarningCode } from '../../warnings.ts'

/** The warnings that `Media.decode` returns. */
const DECODING_CODES = new Set<WarningCode>([
  'truncated',
  'data_beyond_header',
  'inverted_channel',
  'clipped',
  'gap_shortened',
])

/**
 * Adds the warnings of all channels, one of each code, to those of a transcription. They replace the warnings
 * of an earlier decoding of the same audio.
 */
export function withDecodingWarnings(stored: Warning[], found: Warning[]): Warning[] {
  const byCode = new Map<WarningCode, Warning>()
  for (const warning of stored) if (!DECODING_CODES.has(warning.code)) byCode.set(warning.code, warning)
  for (const warning of found) if (!byCode.has(warning.code)) byCode.set(warning.code, warning)
  return [...byCode.values()]
}
