import type { BeginUpload, Callback } from '../../src/intake.ts'
import { streamOf } from '../contracts/storage.ts'

/** Uploads audio without HTTP; returns the transcription's id. */
export async function uploadAudio(
  beginUpload: BeginUpload,
  {
    audio,
    fields = {},
    filename = 'recording',
    callback = null,
    ...options
  }: Parameters<BeginUpload>[0] & {
    audio: Uint8Array
    fields?: Record<string, string>
    filename?: string
    callback?: Callback | null
  },
): Promise<string> {
  await using intake = await beginUpload(options)
  const stored = await intake.store(streamOf(audio))
  const file = { filename, stored }
  return await intake.commit({ fields: new Map(Object.entries(fields)), file, callback })
}
