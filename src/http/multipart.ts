import { decodeField, defaultIsFile, type MultipartError, make } from 'multipasta'
import { VerbatimError } from '../errors.ts'

const MAX_FIELD_BYTES = 64 * 1024
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

  const fields = new Map<string, string>()
  const writes: Promise<void>[] = []
  const part: { file: FilePart<Stored> | null } = { file: null }
  let failure: unknown

  const parser = make({
    headers: { 'content-type': contentType },
    maxParts: MAX_PARTS,
    maxFieldSize: MAX_FIELD_BYTES,
    isFile: (info) => info.filename !== undefined || defaultIsFile(info),
    onField: (info, value) => {
      fields.set(info.name, decodeField(info, value))
    },
    onFile: (info) => {
      if (info.name !== name) failure ??= noFile()
      else if (part.file) failure ??= new VerbatimError('validation', `Send one file in ${name}, not several`)
      if (failure) return () => {}
      const file = openFilePart({ filename: info.filename ?? null, store })
      part.file = file
      return (chunk) => {
        if (failure) return
        if (chunk === null) return void writes.push(file.end())
        file.bytes += chunk.length
        if (file.bytes > maxBytes) failure = tooLarge(maxBytes)
        else writes.push(file.write(chunk))
      }
    },
    onError: (error) => {
      failure ??= malformed(error)
    },
    onDone: () => {},
  })

  const reader = request.body.getReader()
  try {
    for (let read = await nextChunk(reader); read; read = await nextChunk(reader)) {
      parser.write(read)
      if (failure) throw failure
      await Promise.all(writes.splice(0))
    }
    parser.end()
    if (failure) throw failure
    await Promise.all(writes.splice(0))
    const { file } = part
    return { fields, file: file && { filename: file.filename, stored: await file.stored } }
  } catch (error) {
    await Promise.allSettled(writes)
    reader.cancel().catch(() => {})
    const stored = await part.file?.fail(error)
    throw stored ?? error
  }
}

type FilePart<Stored> = {
  filename: string | null
  bytes: number
  stored: Promise<Stored>
  write(chunk: Uint8Array): Promise<void>
  end(): Promise<void>
  /** Fails the stream, waits for `store`, and gives what it threw for a reason of its own. */
  fail(error: unknown): Promise<unknown>
}

function openFilePart<Stored>({
  filename,
  store,
}: {
  filename: string | null
  store: (body: ReadableStream<Uint8Array>) => Promise<Stored>
}): FilePart<Stored> {
  const pipe = new TransformStream<Uint8Array, Uint8Array>()
  const writer = pipe.writable.getWriter()
  const stored = store(pipe.readable)
  // `fail` and the caller look at it later; until then a rejection is not unhandled.
  stored.catch(() => {})
  writer.closed.catch(() => {})
  return {
    filename,
    bytes: 0,
    stored,
    write: (chunk) => writer.write(chunk),
    end: () => writer.close(),
    async fail(error) {
      await writer.abort(error).catch(() => {})
      const thrown = await stored.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      return thrown instanceof VerbatimError ? thrown : undefined
    },
  }
}

async function nextChunk(reader: ReadableStreamDefaultReader<Uint8Array>) {
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

function malformed(error: MultipartError): VerbatimError {
  switch (error._tag) {
    case 'ReachedLimit':
      return new VerbatimError('validation', 'The form has too many parts, or a text field is too long')
    case 'EndNotReached':
      return new VerbatimError('incomplete_upload', 'The upload broke off before its end')
    default:
      return new VerbatimError('incomplete_upload', 'The multipart body is not well formed')
  }
}
