import type { Track } from '../media/media.ts'
import { storableText } from '../storable-text.ts'
import type { Warning } from '../warnings.ts'

/** Titles and languages come from the file, which can make them of any length. */
const MAX_TAG_LENGTH = 100

/**
 * What a transcription stores of the audio tracks of its file: the one to transcribe (null if the file is not
 * probed yet), all of them if there are several, and a warning if the upload chose none of several.
 */
export function chosenTrack({
  requested,
  track,
  tracks,
}: {
  requested: number | null
  track: number | null
  tracks: Track[]
}): { track: number | null; tracks: Track[] | null; warnings: Warning[] } {
  const chosen = track ?? requested
  if (tracks.length < 2) return { track: chosen, tracks: null, warnings: [] }
  return {
    track: chosen,
    tracks: tracks.map(storable),
    warnings: requested === null ? [severalTracks({ chosen, count: tracks.length })] : [],
  }
}

/** Whether the file has several tracks and the upload chose none. */
export const isTrackOpen = ({ warnings }: { warnings: Warning[] }): boolean =>
  warnings.some(({ code }) => code === 'several_tracks')

export function severalTracks({ chosen, count }: { chosen: number | null; count: number }): Warning {
  return {
    code: 'several_tracks',
    message: `The file has ${count} audio tracks, and only track ${chosen} is transcribed. To choose another, upload the file again with its number in the field track.`,
  }
}

function storable({ language, title, ...track }: Track): Track {
  return { ...track, language: storableTag(language), title: storableTag(title) }
}

const storableTag = (text: string | null) => (text === null ? null : storableText(text, MAX_TAG_LENGTH))
