import { readUpload } from '../../src/http/body/audio-upload.ts'

export const BOUNDARY = 'XboundaryX'

export type Part = { name: string; filename?: string; type?: string; body: string | Uint8Array }

/** The bytes of a form, in the format of browsers. */
export function formOf(...parts: Part[]): Uint8Array<ArrayBuffer> {
  const chunks = parts.flatMap(({ name, filename, type, body }) => [
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"`,
    filename === undefined ? '' : `; filename="${filename}"`,
    type === undefined ? '' : `\r\nContent-Type: ${type}`,
    '\r\n\r\n',
    body,
    '\r\n',
  ])
  return bytesOf([...chunks, `--${BOUNDARY}--\r\n`])
}

export function bytesOf(pieces: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat(pieces.map((piece) => Buffer.from(piece))))
}

/** A request whose body arrives in these chunks, each of them when the reader asks for it. */
export function requestOf(
  pieces: Iterable<Uint8Array>,
  contentType = `multipart/form-data; boundary=${BOUNDARY}`,
): Request {
  const iterator = pieces[Symbol.iterator]()
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const { done, value } = iterator.next()
        if (done) controller.close()
        // As a network gives them: each piece in memory of its own.
        else controller.enqueue(value.slice())
      },
    },
    { highWaterMark: 0 },
  )
  return new Request('http://localhost/', { method: 'POST', headers: { 'content-type': contentType }, body })
}

/** What a form brings whose file is `audio`: its fields, and its file as text. */
export async function received(request: Request, maxBytes = 1_000_000) {
  const { fields, file } = await readUpload({ request, name: 'audio', maxBytes, store: textOf })
  return { fields: Object.fromEntries(fields), file }
}

/** As a store does: it is done with each piece before it asks for the next, whose memory may be the same. */
export async function textOf(body: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of body) text += decoder.decode(piece, { stream: true })
  return text + decoder.decode()
}

export async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`nothing was thrown, but given: ${Bun.inspect(value)}`)
    },
    (error: unknown) => error,
  )
}
