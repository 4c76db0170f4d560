import { VerbatimError } from '../../errors.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { bodyChunks } from './chunks.ts'
import { type Store, storeChunks } from './file-part.ts'
import { noFile, readForm } from './form.ts'
import { readJson } from './json-body.ts'
import { MIN_THROUGHPUT, type MinThroughput } from './min-throughput.ts'
import { filenameIn } from './part-head.ts'
import { readRemote } from './remote-audio.ts'

/** Allows for boundaries, headers and text fields beside the file. */
const FORM_OVERHEAD_BYTES = 1024 * 1024

const FORM = /^multipart\/form-data\s*;/i
const JSON_FIELDS = /^application\/json\b/i
const BARE_AUDIO = /^(audio\/|video\/|application\/(octet-stream|ogg)\b)/i

export type Upload<Stored> = {
  /** The fields of the form or JSON body; of the query, those with other names. */
  fields: Map<string, string>
  file: { filename: string | null; stored: Stored } | null
}

/**
 * Reads an upload while it arrives, at constant memory, and passes the audio to `store` as a stream. The
 * audio is one of:
 * - the file part `name` of a form;
 * - the body itself, if its Content-Type is audio, video or bytes, or if it is a PUT without a Content-Type.
 *   The fields are in the query then, and the filename in `Content-Disposition`;
 * - the response of the URL in the field `audio_url` of a form, a JSON body or the query, fetched through
 *   `outbound`.
 *
 * Throws `no_audio_file`, `too_large`, `incomplete_upload`, `upload_stalled` (it arrived slower than `pace`),
 * `validation`, `url_refused`, `url_failed`, or what `store` threw. When it throws, the stream that `store`
 * reads has failed and `store` has settled.
 */
export async function readUpload<Stored>({
  request,
  name,
  maxBytes,
  pace = MIN_THROUGHPUT,
  outbound,
  store,
}: {
  request: Request
  name: string
  maxBytes: number
  pace?: MinThroughput
  outbound?: Outbound
  store: Store<Stored>
}): Promise<Upload<Stored>> {
  const contentType = request.headers.get('content-type') ?? ''
  const tooLarge = () =>
    new VerbatimError(
      'too_large',
      `The audio file is larger than the ${maxBytes} bytes that this server takes`,
    )
  const limits = { maxBytes, tooLarge, pace }
  const query = new URL(request.url).searchParams

  async function read(): Promise<Upload<Stored>> {
    if (request.body && FORM.test(contentType)) {
      const chunks = bodyChunks({ ...limits, message: request, maxBytes: maxBytes + FORM_OVERHEAD_BYTES })
      const { fields, file } = await readForm({ contentType, chunks, name, maxBytes, tooLarge, store })
      return { fields: new Map([...query, ...fields]), file }
    }
    if (request.body && JSON_FIELDS.test(contentType)) {
      return withoutFile(new Map([...query, ...fieldsOf(await readJson({ request }))]))
    }
    const isBare = BARE_AUDIO.test(contentType) || (contentType === '' && request.method === 'PUT')
    if (request.body && isBare) {
      const filename = filenameIn(request.headers.get('content-disposition') ?? '')
      const stored = await storeChunks({ chunks: bodyChunks({ ...limits, message: request }), store })
      return { fields: new Map(query), file: { filename, stored } }
    }
    return withoutFile(new Map(query))
  }

  function withoutFile(fields: Map<string, string>) {
    if (!fields.get('audio_url') || !outbound) throw noFile()
    return { fields, file: null }
  }

  const { fields, file } = await read()
  const url = fields.get('audio_url')
  if (!url || !outbound) return { fields, file }
  if (file) throw new VerbatimError('validation', `Send ${name} or audio_url, not both`)
  return { fields, file: await readRemote({ ...limits, url, outbound, signal: request.signal, store }) }
}

/** Turns the members of a JSON body into form fields. Throws `validation`. */
function fieldsOf(body: unknown): [name: string, text: string][] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new VerbatimError('validation', 'The body must be a JSON object')
  }
  return Object.entries(body).flatMap(([name, value]): [string, string][] => {
    if (value === null) return []
    if (typeof value === 'object') {
      throw new VerbatimError('validation', `${name} must be a string, a number or a boolean`)
    }
    return [[name, String(value)]]
  })
}
