import { quoted, VerbatimError } from '../../errors.ts'
import { fieldsOf, jsonMembers } from '../../fields.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { bodyChunks } from './chunks.ts'
import { type Store, storeChunks } from './file-part.ts'
import { noFile, readForm } from './form.ts'
import { readJson } from './json-body.ts'
import { auChunks, linearPcmOf } from './linear-pcm.ts'
import { MIN_THROUGHPUT, type MinThroughput } from './min-throughput.ts'
import { filenameIn } from './part-head.ts'
import { readRemote } from './remote-audio.ts'
import { TEXT_LIMITS, type TextLimits } from './text-fields.ts'
import { isText, withStart } from './text-start.ts'

/** Allows for boundaries, headers and text fields beside the file. */
const FORM_OVERHEAD_BYTES = 1024 * 1024

const MAX_TEXT_BYTES = 64 * 1024

const FORM = /^multipart\/form-data(?![\w-])/i
const JSON_FIELDS = /^application\/json\b/i
const URLENCODED = /^application\/x-www-form-urlencoded\b/i
const BARE_AUDIO = /^(audio\/|video\/|application\/(octet-stream|ogg)\b)/i

export type Upload<Stored> = {
  /** The fields of the form or JSON body; of the query, those with other names. */
  fields: Map<string, string>
  file: { filename: string | null; stored: Stored } | null
}

/**
 * Reads an upload while it arrives, at constant memory, and passes the audio to `store` as a stream. The
 * audio is one of:
 * - the file part of a form, `audio` or `file`; errors name `name`;
 * - the body itself, if its Content-Type is audio, video or bytes, if it is a PUT without a Content-Type, or
 *   if it does not start with text. The fields are in the query then, and the filename in `Content-Disposition`;
 * - the response of the URL in the field `urlName` of a form, a JSON body or the query, fetched through
 *   `outbound`.
 *
 * Samples without a header (`audio/L16`) are stored as an AU file. The fields `lists` may be sent several
 * times: their values become lines.
 *
 * Throws `no_audio_file`, `too_large`, `incomplete_upload`, `upload_stalled` (it arrived slower than `pace`),
 * `unsupported_type` (a compressed body), `validation`, `url_refused`, `url_failed`, or what `store` threw.
 * When it throws, the stream that `store` reads has failed and `store` has settled.
 */
export async function readUpload<Stored>({
  request,
  name,
  urlName = 'audio_url',
  lists = new Set(),
  textLimits = TEXT_LIMITS,
  maxBytes,
  pace = MIN_THROUGHPUT,
  outbound,
  store,
}: {
  request: Request
  name: string
  urlName?: string
  lists?: ReadonlySet<string>
  textLimits?: TextLimits
  maxBytes: number
  pace?: MinThroughput
  outbound?: Outbound
  store: Store<Stored>
}): Promise<Upload<Stored>> {
  const tooLarge = () =>
    new VerbatimError(
      'too_large',
      `The audio file is larger than the ${maxBytes} bytes that this server takes`,
    )
  const limits = { maxBytes, tooLarge, pace }
  const { fields, file, problem } = await readBody({ request, name, lists, textLimits, limits, store })
  const url = outbound && fields.get(urlName)
  if (!url) {
    if (problem) throw problem
    return { fields, file }
  }
  if (file) throw new VerbatimError('validation', `Send ${name} or ${urlName}, not both`)
  return {
    fields,
    file: await readRemote({ ...limits, url, urlName, outbound, signal: request.signal, store }),
  }
}

/** An upload's body. `problem`: why it has no file. */
type Body<Stored> = Upload<Stored> & { problem?: VerbatimError }

async function readBody<Stored>({
  request,
  name,
  lists,
  textLimits,
  limits,
  store,
}: {
  request: Request
  name: string
  lists: ReadonlySet<string>
  textLimits: TextLimits
  limits: { maxBytes: number; tooLarge: () => VerbatimError; pace: MinThroughput }
  store: Store<Stored>
}): Promise<Body<Stored>> {
  const contentType = request.headers.get('content-type') ?? ''
  const query = fieldsOf(new URL(request.url).searchParams, lists)
  if (!request.body) return { fields: query, file: null, problem: noFile() }
  checkEncoding(request.headers)
  if (FORM.test(contentType)) {
    const maxBytes = limits.maxBytes + textLimits.formBytes + FORM_OVERHEAD_BYTES
    const chunks = bodyChunks({ ...limits, message: request, maxBytes })
    const { fields, file } = await readForm({
      ...limits,
      contentType,
      chunks,
      name,
      lists,
      textLimits,
      store,
    })
    return { fields: new Map([...query, ...fields]), file }
  }
  if (JSON_FIELDS.test(contentType)) {
    const fields = fieldsOf(jsonMembers(await readJson({ request }), lists), lists)
    return { fields: new Map([...query, ...fields]), file: null, problem: noFile() }
  }
  const body = bodyChunks({ ...limits, message: request })
  const isFile = request.method === 'PUT' && contentType === ''
  if (isFile || BARE_AUDIO.test(contentType)) {
    return { fields: query, file: await storeBody({ request, contentType, chunks: body, store }) }
  }
  const { start, chunks } = await withStart(body)
  if (!isText(start)) return { fields: query, file: await storeBody({ request, contentType, chunks, store }) }
  if (!URLENCODED.test(contentType)) await body.return()
  const form = URLENCODED.test(contentType) ? new URLSearchParams(await readText(chunks)) : []
  const fields = new Map([...query, ...fieldsOf(form, lists)])
  return { fields, file: null, problem: start.length > 0 ? textBody(name) : noFile() }
}

/** Stores a body that is the audio itself. */
async function storeBody<Stored>({
  request,
  contentType,
  chunks,
  store,
}: {
  request: Request
  contentType: string
  chunks: AsyncIterable<Uint8Array>
  store: Store<Stored>
}) {
  const pcm = linearPcmOf(contentType)
  const filename = filenameIn(request.headers.get('content-disposition') ?? '')
  return { filename, stored: await storeChunks({ chunks: pcm ? auChunks({ pcm, chunks }) : chunks, store }) }
}

/** Recordings are compressed already, and a small body could decompress to a huge one. */
function checkEncoding(headers: Headers): void {
  const encoding = headers.get('content-encoding') || 'identity'
  if (encoding.toLowerCase() === 'identity') return
  throw new VerbatimError(
    'unsupported_type',
    `Content-Encoding is ${quoted(encoding)}: send the body without compression and without this header`,
  )
}

async function readText(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > MAX_TEXT_BYTES) {
      throw new VerbatimError('validation', `The form is longer than the limit of ${MAX_TEXT_BYTES} bytes`)
    }
  }
  return text + decoder.decode()
}

function textBody(name: string) {
  return new VerbatimError(
    'no_audio_file',
    `The body is text, not audio: send the audio itself, or a form (multipart/form-data) with the file in the field ${name}`,
  )
}
