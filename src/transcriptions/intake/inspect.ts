import type { AudioInfo, Media, Sound } from '../../media/media.ts'
import { recognizeOther } from '../../media/other-content.ts'
import { empty, unsupportedType } from '../../media/refusals.ts'
import { containerOf, SIGNATURE_BYTES } from '../../media/signature.ts'
import type { Storage } from '../../storage/storage.ts'
import { audioKey } from '../storage-keys.ts'

/**
 * The facts of an uploaded file. If `codec` and `track` are null, only the container is known, and prepare
 * probes the file.
 */
export type Inspection = Pick<AudioInfo, 'container' | 'channels' | 'claimedSeconds' | 'tracks'> & {
  codec: string | null
  track: number | null
}

/** `sound`: of a clip, which is decoded at once; otherwise null. */
type Inspected = { inspection: Inspection; sound: Sound | null }

/**
 * Inspects the stored audio of a transcription, given the transcription's id and the requested track. Throws
 * what `Media.probe` throws.
 */
export type Inspect = (audio: {
  id: string
  bytes: number
  userId: string
  track: number | null
}) => Promise<Inspected>

/**
 * Probes both ends of a file, which is enough for most formats. If it is not, probes the whole file. Decodes a clip
 * if it has all of it.
 */
export function probeInspector({ storage, media }: { storage: Storage; media: Media }): Inspect {
  return async ({ id, userId, track }) => {
    async function inspect(path: string, whole: boolean): Promise<Inspected> {
      let sound: Sound | null = null
      const onSound = (decoded: Sound) => {
        sound = decoded
      }
      const inspection = await media.probe(path, { track, group: userId, ...(whole && { onSound }) })
      return { inspection, sound }
    }
    const fromEnds = await storage.withEnds(audioKey(id), (path, whole) =>
      inspect(path, whole).catch((error: unknown) => {
        if (whole) throw error
        return null
      }),
    )
    return fromEnds ?? storage.withFile(audioKey(id), (path) => inspect(path, true))
  }
}

/** For runtimes without a decoder: recognizes the container by its first bytes only. */
export function signatureInspector({ storage }: { storage: Pick<Storage, 'read'> }): Inspect {
  return async ({ id, bytes }) => {
    if (bytes === 0) throw empty()
    const start = await storage.read(audioKey(id), { start: 0, end: Math.min(bytes, SIGNATURE_BYTES) })
    const signature = await new Response(start).bytes()
    const container = await containerOf(signature)
    if (!container) throw (await recognizeOther(signature)) ?? unsupportedType()
    const inspection = { container, codec: null, channels: 1, claimedSeconds: null, track: null, tracks: [] }
    return { inspection, sound: null }
  }
}
