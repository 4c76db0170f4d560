import { VerbatimError } from '../../errors.ts'
import { type FilePart, openFilePart, type Store } from './file-part.ts'
import { multipartParser } from './multipart-parser.ts'
import { textFields } from './text-fields.ts'

const MAX_PARTS = 32

/**
 * Reads multipart/form-data. The file part `name` is passed to `store` as a stream with backpressure; text
 * fields are collected.
 *
 * Throws `no_audio_file` (a file with another name), `too_large` (a file over `maxBytes`),
 * `incomplete_upload` (the body ends early or is malformed), `validation` (several files, too many parts,
 * fields over their limits), and what `chunks` or `store` throw. When it throws, the stream that `store`
 * reads has failed and `store` has settled.
 */
export async function readForm<Stored>({
  contentType,
  chunks,
  name,
  maxBytes,
  tooLarge,
  store,
}: {
  contentType: string
  chunks: AsyncIterable<Uint8Array>
  name: string
  maxBytes: number
  tooLarge: () => VerbatimError
  store: Store<Stored>
}): Promise<{ fields: Map<string, string>; file: { filename: string | null; stored: Stored } | null }> {
  const parser = multipartParser(contentType)
  const fields = textFields()
  let file: FilePart<Stored> | null = null
  let parts = 0
  let isFile = false
  try {
    for await (const chunk of chunks) {
      for (const event of parser.write(chunk)) {
        if (event.kind === 'head') {
          const { head } = event
          parts++
          if (parts > MAX_PARTS) throw tooManyParts()
          isFile = head.isFile
          if (!isFile) fields.open(head.name)
          else if (head.name !== name) throw noFile()
          else if (file)
            throw new VerbatimError('validation', `The form has several files: send one, in ${name}`)
          else file = openFilePart({ filename: head.filename, store })
        } else if (event.kind === 'data') {
          if (!isFile) fields.write(event.bytes)
          else if (file) {
            file.bytes += event.bytes.length
            if (file.bytes > maxBytes) throw tooLarge()
            await file.write(event.bytes)
          }
        } else if (!isFile) fields.end()
        else file?.end()
      }
    }
    parser.end()
    return { fields: fields.all, file: file && { filename: file.filename, stored: await file.stored } }
  } catch (error) {
    await file?.fail(error)
    throw error
  }
}

function tooManyParts() {
  return new VerbatimError('validation', `The form has too many parts: it takes at most ${MAX_PARTS}`)
}

export function noFile() {
  return new VerbatimError('no_audio_file', 'No audio file provided')
}
