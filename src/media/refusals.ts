import { VerbatimError } from '../errors.ts'

export const empty = () => new VerbatimError('empty', 'The file is empty.')

export const unsupportedType = () =>
  new VerbatimError('unsupported_type', 'The file is not an audio or video recording of a known format.')

export const noAudioTrack = () => new VerbatimError('no_audio_track', 'The file has no sound in it.')

export const corrupt = () =>
  new VerbatimError('corrupt', 'The file is damaged: no sound could be read from it.')

export const outOfTime = () =>
  new VerbatimError('corrupt', 'The file could not be read in the time that is allowed.')

export const tooLong = (maxSeconds: number) =>
  new VerbatimError(
    'too_long',
    `The recording is longer than the ${maxSeconds.toLocaleString('en')} seconds that are allowed.`,
  )

/** What the decoder can open but no speech is recorded in. */
export const unsupportedSound = (what: string) => new VerbatimError('unsupported_type', what)
