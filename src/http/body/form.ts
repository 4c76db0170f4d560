import { VerbatimError } from '../../errors.ts'
import type { Store } from './file-part.ts'
import { formParts } from './form-parts.ts'
import { multipartParser } from './multipart-parser.ts'
import type { TextLimits } from './text-fields.ts'

/** Enough for the keywords, languages and replacements of an upload, each in a part of its own. */
const MAX_PARTS = 512

/**
 * Reads multipart/form-data. The file part is passed to `store` as a stream with backpressure; text fields
 * are collected, and those in `lists` may be sent several times. The field `audio` or `file` is the file, also
 * without a filename if it does not start with text. `name`: the field that errors name.
 *
 * Throws `no_audio_file` (a file with another name), `too_large` (a file over `maxBytes`),
 * `incomplete_upload` (the body ends early or is malformed), `validation` (several files, too many parts,
 * fields over their limits, an invalid type of the file), and what `chunks` or `store` throw. When it throws,
 * the stream that `store` reads has failed and `store` has settled.
 */
export async function readForm<Stored>({
  contentType,
  chunks,
  ...options
}: {
  contentType: string
  chunks: AsyncIterable<Uint8Array>
  lists: ReadonlySet<string>
  textLimits: TextLimits
  name: string
  maxBytes: number
  tooLarge: () => VerbatimError
  store: Store<Stored>
}): Promise<{ fields: Map<string, string>; file: { filename: string | null; stored: Stored } | null }> {
  const parser = multipartParser(contentType)
  const received = formParts(options)
  let parts = 0
  try {
    for await (const chunk of chunks) {
      for (const event of parser.write(chunk)) {
        if (event.kind === 'head') {
          parts++
          if (parts > MAX_PARTS) throw tooManyParts()
          received.begin(event.head)
        } else if (event.kind === 'data') await received.write(event.bytes)
        else await received.end()
      }
    }
    parser.end()
    return await received.result()
  } catch (error) {
    await received.fail(error)
    throw error
  }
}

function tooManyParts() {
  return new VerbatimError('validation', `The form has too many parts: it takes at most ${MAX_PARTS}`)
}

export function noFile() {
  return new VerbatimError('no_audio_file', 'No audio file provided')
}
