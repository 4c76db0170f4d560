import { VerbatimError } from '../../errors.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { bodyChunks } from './chunks.ts'
import { type Store, streamed } from './file-part.ts'
import { noFile, readForm } from './form.ts'
import { readJson } from './json-body.ts'
import { MIN_THROUGHPUT, type MinThroughput } from './min-throughput.ts'
import { filenameIn } from './part-head.ts'
import { readRemote } from './remote-audio.ts'

/** Room for boundaries, headers and text fields beside the file. */
const FORM_OVERHEAD_BYTES = 1024 * 1024

const FORM = /^multipart\/form-data\s*;/i
const JSON_FIELDS = /^application\/json\b/i
const BARE_AUDIO = /^(audio\/|video\/|application\/(octet-stream|ogg)\b)/i

export type Upload<Stored> = {
  /** The form's, or those of a JSON body; and the query's where there is none of that name. */
  fields: Map<string, string>
  file: { filename: string | null; stored: Stored } | null
}

/**
 * Reads an upload as it arrives, at constant memory: a form with the audio in its part called `name`, or the audio
 * alone as the body (of a type that says so, or a PUT of none), its fields in the query and its name in
 * `Content-Disposition`. Or else the field `audio_url` names it, in a form, a JSON body or the query, and it is fetched
 * through `outbound`. The audio goes to `store` as a stream.
 *
 * Throws `no_audio_file`, `too_large`, `incomplete_upload`, `upload_stalled` (it came slower than `pace`), `validation`,
 * `url_refused`, `url_failed`, or what `store` threw. When it throws, the stream that `store` reads has failed and
 * `store` has settled.
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
  const asked = new URL(request.url).searchParams

  async function read(): Promise<Upload<Stored>> {
    if (request.body && FORM.test(contentType)) {
      const pieces = bodyChunks({ ...limits, message: request, maxBytes: maxBytes + FORM_OVERHEAD_BYTES })
      const { fields, file } = await readForm({ contentType, pieces, name, maxBytes, tooLarge, store })
      return { fields: new Map([...asked, ...fields]), file }
    }
    if (request.body && JSON_FIELDS.test(contentType)) {
      return elsewhere(new Map([...asked, ...fieldsOf(await readJson({ request }))]))
    }
    const isBare = BARE_AUDIO.test(contentType) || (contentType === '' && request.method === 'PUT')
    if (request.body && isBare) {
      const filename = filenameIn(request.headers.get('content-disposition') ?? '')
      const stored = await streamed({ pieces: bodyChunks({ ...limits, message: request }), store })
      return { fields: new Map(asked), file: { filename, stored } }
    }
    return elsewhere(new Map(asked))
  }

  function elsewhere(fields: Map<string, string>) {
    if (!fields.get('audio_url') || !outbound) throw noFile()
    return { fields, file: null }
  }

  const { fields, file } = await read()
  const url = fields.get('audio_url')
  if (!url || !outbound) return { fields, file }
  if (file) throw new VerbatimError('validation', `Send ${name} or audio_url, not both`)
  return { fields, file: await readRemote({ ...limits, url, outbound, signal: request.signal, store }) }
}

/** A JSON body's members as a form's fields. Throws `validation`. */
function fieldsOf(body: unknown): [name: string, text: string][] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new VerbatimError('validation', 'The body is no JSON object')
  }
  return Object.entries(body).flatMap(([name, value]): [string, string][] => {
    if (value === null) return []
    if (typeof value === 'object')
      throw new VerbatimError('validation', `${name} takes a text, a number or a boolean`)
    return [[name, String(value)]]
  })
}
