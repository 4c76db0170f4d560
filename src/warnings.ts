/**
 * The stable names of warnings:
 * - `truncated`: the file ends before the length that its header states
 * - `data_beyond_header`: the file has more audio than its header states, and it was read
 * - `several_tracks`: the file has other audio tracks, which were not transcribed
 * - `inverted_channel`: a channel had the opposite polarity of another and was turned
 * - `clipped`: the recording level was too high, and the loudest sounds are distorted
 * - `gap_shortened`: the timestamps of the file skip hours, which were left out
 * - `language_mismatch`: another language was heard than the requested or default one
 * - `hints_ignored`: an engine that takes no prompt, keywords or languages transcribed some of the audio, or a
 *   temperature was requested, which no engine takes
 * - `speakers_missing`: speakers were requested, and were not told apart in some or all of the audio
 * - `no_speech`: no speech was found
 */
export const WARNING_CODES = [
  'truncated',
  'data_beyond_header',
  'several_tracks',
  'inverted_channel',
  'clipped',
  'gap_shortened',
  'language_mismatch',
  'hints_ignored',
  'speakers_missing',
  'no_speech',
] as const

export type WarningCode = (typeof WARNING_CODES)[number]

/** What is missing or doubtful in a transcription. `message` is a sentence for its user. */
export type Warning = { code: WarningCode; message: string }
