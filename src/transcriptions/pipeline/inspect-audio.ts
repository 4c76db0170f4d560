import { chosenTrack, isTrackOpen, severalTracks } from '../tracks.ts'
import { setProbeResult, type Transcription } from '../transcriptions.store.ts'
import type { WorkServices } from './work-services.ts'

type Inspected = { row: Transcription; path: string; signal: AbortSignal }

/**
 * Completes what is known of the audio before it is decoded: probes it if the API that received the upload
 * could not, and chooses one of several tracks by their sound. `isDecoded`: some of it is decoded already.
 */
export async function inspectAudio(
  services: Pick<WorkServices, 'db' | 'media'>,
  { isDecoded, ...inspected }: Inspected & { isDecoded: boolean },
): Promise<Transcription> {
  const row = inspected.row.codec === null ? await probe(services, inspected) : inspected.row
  return isDecoded || !isTrackOpen(row) ? row : chooseTrack(services, { ...inspected, row })
}

async function probe(
  { db, media }: Pick<WorkServices, 'db' | 'media'>,
  { row, path, signal }: Inspected,
): Promise<Transcription> {
  const info = await media.probe(path, { track: row.track, signal, group: row.userId })
  const { codec, channels: audioChannels, claimedSeconds } = info
  const probed = { codec, audioChannels, claimedSeconds, ...chosenTrack({ requested: row.track, ...info }) }
  return (await setProbeResult(db, { id: row.id, ...probed })) ?? row
}

/** The first track with sound, since the default track of a file may be silent. */
async function chooseTrack(
  { db, media }: Pick<WorkServices, 'db' | 'media'>,
  { row, path, signal }: Inspected,
): Promise<Transcription> {
  const number = await media.chooseTrack(path, { signal, group: row.userId })
  const track = row.tracks?.find((each) => each.number === number)
  if (!row.tracks || !track || number === row.track) return row
  const { id, claimedSeconds, tracks, warnings } = row
  const chosen = {
    track: number,
    codec: track.codec,
    audioChannels: track.channels,
    warnings: warnings.map((warning) =>
      warning.code === 'several_tracks' ? severalTracks({ chosen: number, count: tracks.length }) : warning,
    ),
  }
  return (await setProbeResult(db, { id, claimedSeconds, tracks, ...chosen })) ?? row
}
