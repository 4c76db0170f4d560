import { VerbatimError } from '../errors.ts'
import { openFilePart, type Store } from './file-part.ts'
import { noFile, readForm } from './multipart.ts'
import { filenameIn } from './part-head.ts'
import { piecesOf } from './pieces.ts'

/** Room for boundaries, headers and text fields beside the file. */
const FORM_OVERHEAD_BYTES = 1024 * 1024
const IDLE_MS = 30_000

const FORM = /^multipart\/form-data\s*;/i
const BARE_AUDIO = /^(audio\/|video\/|application\/(octet-stream|ogg)\b)/i

export type Upload<Stored> = {
  /** The form's, and the query's where the form has none of that name. */
  fields: Map<string, string>
  file: { filename: string | null; stored: Stored } | null
}

/**
 * Reads an upload as it arrives, at constant memory: a form with the audio in its part called `name`, or the audio
 * alone as the body (of a type that says so, or a PUT of none), its fields in the query and its name in
 * `Content-Disposition`. The audio goes to `store` as a stream.
 *
 * Throws `no_audio_file`, `too_large`, `incomplete_upload`, `upload_stalled` (nothing came for `idleMs`), `validation`,
 * or what `store` threw. When it throws, the stream that `store` reads has failed and `store` has settled.
 */
export async function readUpload<Stored>({
  request,
  name,
  maxBytes,
  idleMs = IDLE_MS,
  store,
}: {
  request: Request
  name: string
  maxBytes: number
  idleMs?: number
  store: Store<Stored>
}): Promise<Upload<Stored>> {
  const contentType = request.headers.get('content-type') ?? ''
  const tooLarge = () =>
    new VerbatimError(
      'too_large',
      `The audio file is larger than the ${maxBytes} bytes that this server takes`,
    )
  const asked = new URL(request.url).searchParams
  if (request.body && FORM.test(contentType)) {
    const pieces = piecesOf({ request, maxBytes: maxBytes + FORM_OVERHEAD_BYTES, tooLarge, idleMs })
    const { fields, file } = await readForm({ contentType, pieces, name, maxBytes, tooLarge, store })
    return { fields: new Map([...asked, ...fields]), file }
  }
  const isBare = BARE_AUDIO.test(contentType) || (contentType === '' && request.method === 'PUT')
  if (!request.body || !isBare) throw noFile()
  const pieces = piecesOf({ request, maxBytes, tooLarge, idleMs })
  const filename = filenameIn(request.headers.get('content-disposition') ?? '')
  return { fields: new Map(asked), file: { filename, stored: await stored({ pieces, filename, store }) } }
}

async function stored<Stored>({
  pieces,
  filename,
  store,
}: {
  pieces: AsyncIterable<Uint8Array>
  filename: string | null
  store: Store<Stored>
}): Promise<Stored> {
  const file = openFilePart({ filename, store })
  try {
    for await (const piece of pieces) await file.write(piece)
    file.end()
    return await file.stored
  } catch (error) {
    await file.fail(error)
    throw error
  }
}
