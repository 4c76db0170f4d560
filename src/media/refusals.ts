import { VerbatimError } from '../errors.ts'

export const empty = () => new VerbatimError('empty', 'The file is empty.')

export const unsupportedType = () =>
  new VerbatimError(
    'unsupported_type',
    'The file is not an audio or video recording of a known format; headerless PCM needs a container such as ' +
      'WAV, or the Content-Type `audio/L16;rate=16000`.',
  )

/** `kind`: what the file is, such as `a web page`. */
export const notARecording = (kind: string) =>
  new VerbatimError('unsupported_type', `The file is ${kind}, not an audio or video recording.`)

export const beginningMissing = () =>
  new VerbatimError(
    'unsupported_type',
    'The beginning of the recording is missing, because this is a later slice of it: send all slices, joined ' +
      'in order, as one file.',
  )

export const noSound = () =>
  new VerbatimError('empty', 'The file has a header, but no sound in it: nothing was recorded.')

export const unfinished = () =>
  new VerbatimError(
    'corrupt',
    'The recording was not finished when it was saved, and its index is missing: export it again, or repair it.',
  )

export const noAudioTrack = () => new VerbatimError('no_audio_track', 'The file has no audio track.')

export const corrupt = () =>
  new VerbatimError('corrupt', 'The file is damaged: no audio can be decoded from it.')

export const outOfTime = () => new VerbatimError('corrupt', 'The file took too long to read.')

export const tooLong = (maxSeconds: number) =>
  new VerbatimError(
    'too_long',
    `The recording is longer than the limit of ${maxSeconds.toLocaleString('en')} seconds.`,
  )

/** For audio that the decoder can open but that has a format in which no speech is recorded. */
export const unsupportedSound = (message: string) => new VerbatimError('unsupported_type', message)

export const trackOutside = ({ track, count }: { track: number; count: number }) =>
  new VerbatimError(
    'track_outside',
    `track is ${track}, but the file has ${count === 1 ? 'one audio track' : `${count} audio tracks`}: send a track from 1 to ${count}`,
  )
