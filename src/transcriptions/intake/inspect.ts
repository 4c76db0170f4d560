import type { AudioInfo, Media } from '../../media/media.ts'
import { empty, unsupportedType } from '../../media/refusals.ts'
import { containerOf, SIGNATURE_BYTES } from '../../media/signature.ts'
import type { Storage } from '../../storage/storage.ts'
import { audioKey } from '../storage-keys.ts'

/** What an upload is seen to be. Where its `codec` is null, only its container is known, and prepare probes it. */
export type Inspection = Pick<AudioInfo, 'container' | 'channels' | 'claimedSeconds'> & {
  codec: string | null
}

/** Tells what the stored audio of a transcription is, by the transcription's id. Throws what `Media.probe` refuses. */
export type Inspect = (audio: { id: string; bytes: number; userId: string }) => Promise<Inspection>

/** Most files say at their ends what they are. Only where they do not is all of one read, and what that says holds. */
export function probeInspector({ storage, media }: { storage: Storage; media: Media }): Inspect {
  return async ({ id, userId }) => {
    const seen = await storage.withEnds(audioKey(id), (path, whole) =>
      media.probe(path, { group: userId }).catch((error: unknown) => {
        if (whole) throw error
        return null
      }),
    )
    return seen ?? storage.withFile(audioKey(id), (path) => media.probe(path, { group: userId }))
  }
}

/** Where nothing can be decoded: judges by the first bytes alone, so that what is no recording at all is refused. */
export function signatureInspector({ storage }: { storage: Pick<Storage, 'read'> }): Inspect {
  return async ({ id, bytes }) => {
    if (bytes === 0) throw empty()
    const start = await storage.read(audioKey(id), { start: 0, end: Math.min(bytes, SIGNATURE_BYTES) })
    const container = await containerOf(await new Response(start).bytes())
    if (!container) throw unsupportedType()
    return { container, codec: null, channels: 1, claimedSeconds: null }
  }
}
