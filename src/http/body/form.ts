import { VerbatimError } from '../../errors.ts'
import { type FilePart, openFilePart, type Store } from './file-part.ts'
import { multipartParser } from './multipart-parser.ts'
import { textFields } from './text-fields.ts'

const MAX_PARTS = 32

/**
 * Reads multipart/form-data: the file part called `name` goes to `store` as a stream that holds the sender back when
 * storing is slower; text fields are gathered.
 *
 * Throws `no_audio_file` (a file under another name), `too_large` (a file over `maxBytes`), `incomplete_upload` (cut
 * off, or not well formed), `validation` (several files, fields over their limits), and what `pieces` or `store` throw.
 * When it throws, the stream that `store` reads has failed and `store` has settled.
 */
export async function readForm<Stored>({
  contentType,
  pieces,
  name,
  maxBytes,
  tooLarge,
  store,
}: {
  contentType: string
  pieces: AsyncIterable<Uint8Array>
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
    for await (const piece of pieces) {
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

export function noFile() {
  return new VerbatimError('no_audio_file', 'No audio file provided')
}
