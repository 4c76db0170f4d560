import { VerbatimError } from '../errors.ts'
import { type FilePart, openFilePart } from './file-part.ts'
import { multipartParser } from './multipart-parser.ts'
import { textFields } from './text-fields.ts'

const MAX_PARTS = 32
/** Room for boundaries, headers and text fields beside the file. */
const OVERHEAD_BYTES = 1024 * 1024

export type Upload<Stored> = {
  fields: Map<string, string>
  file: { filename: string | null; stored: Stored } | null
}

/**
 * Reads a multipart/form-data body as it arrives, at constant memory: the file part called `name` goes to `store`
 * as a stream that holds the sender back when storing is slower; text fields are gathered.
 *
 * Throws `no_audio_file` (no multipart body, or a file under another name), `too_large`, `incomplete_upload`
 * (cut off, or not well formed), `validation` (several files, fields over their limits), or what `store` threw.
 * When it throws, the stream that `store` reads has failed and `store` has settled.
 */
export async function readUpload<Stored>({
  request,
  name,
  maxBytes,
  store,
}: {
  request: Request
  name: string
  maxBytes: number
  store: (body: ReadableStream<Uint8Array>) => Promise<Stored>
}): Promise<Upload<Stored>> {
  const contentType = request.headers.get('content-type') ?? ''
  if (!request.body || !/^multipart\/form-data\s*;/i.test(contentType)) throw noFile()
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes + OVERHEAD_BYTES) throw tooLarge(maxBytes)

  const parser = multipartParser(contentType)
  const fields = textFields()
  let file: FilePart<Stored> | null = null
  let parts = 0
  let isFile = false
  let bytes = 0

  const reader = request.body.getReader()
  try {
    for (let piece = await nextPiece(reader); piece; piece = await nextPiece(reader)) {
      bytes += piece.length
      if (bytes > maxBytes + OVERHEAD_BYTES) throw tooLarge(maxBytes)
      for (const event of parser.write(piece)) {
        if (event.kind === 'head') {
          const { head } = event
          parts++
          if (parts > MAX_PARTS) throw new VerbatimError('validation', 'The form has too many parts')
          isFile = head.isFile
          if (!isFile) fields.open(head.name)
          else if (head.name !== name) throw noFile()
          else if (file) throw new VerbatimError('validation', `Send one file in ${name}, not several`)
          else file = openFilePart({ filename: head.filename, store })
        } else if (event.kind === 'data') {
          if (!isFile) fields.write(event.bytes)
          else if (file) {
            file.bytes += event.bytes.length
            if (file.bytes > maxBytes) throw tooLarge(maxBytes)
            await file.write(event.bytes)
          }
        } else if (!isFile) fields.end()
        else file?.end()
      }
    }
    parser.end()
    return { fields: fields.all, file: file && { filename: file.filename, stored: await file.stored } }
  } catch (error) {
    reader.cancel().catch(() => {})
    await file?.fail(error)
    throw error
  }
}

async function nextPiece(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return (await reader.read()).value
  } catch (error) {
    throw new VerbatimError('incomplete_upload', 'The upload broke off before its end', { cause: error })
  }
}

function noFile() {
  return new VerbatimError('no_audio_file', 'No audio file provided')
}

function tooLarge(maxBytes: number) {
  return new VerbatimError(
    'too_large',
    `The audio file is larger than the ${maxBytes} bytes that this server takes`,
  )
}
