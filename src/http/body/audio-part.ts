import { VerbatimError } from '../../errors.ts'
import { type FilePart, openFilePart, type Store } from './file-part.ts'
import { type LinearPcm, linearPcmOf } from './linear-pcm.ts'
import type { PartHead } from './part-head.ts'

/**
 * Receives the file parts of a form, of which it stores one. A part without bytes and without a filename is
 * no file: a form's file field that was left empty. `name`: the field that errors name.
 */
export function audioPart<Stored>({
  name,
  maxBytes,
  tooLarge,
  store,
}: {
  name: string
  maxBytes: number
  tooLarge: () => VerbatimError
  store: Store<Stored>
}) {
  let file: FilePart<Stored> | null = null
  let pcm: LinearPcm | null = null
  let head: Pick<PartHead, 'filename' | 'type'> = { filename: null, type: '' }
  let isOpen = false

  async function open(): Promise<FilePart<Stored>> {
    if (file && !isOpen) {
      throw new VerbatimError('validation', `The form has several files: send one, in ${name}`)
    }
    if (file) return file
    pcm = linearPcmOf(head.type)
    file = openFilePart({ filename: head.filename, store })
    isOpen = true
    return file
  }

  return {
    begin(part: PartHead) {
      head = part
      isOpen = false
    },

    /** Throws `too_large`, `validation`, and what the store threw. */
    async write(bytes: Uint8Array) {
      const target = await open()
      if (pcm && target.bytes === 0) await target.write(pcm.header)
      target.bytes += bytes.length
      if (target.bytes > maxBytes) throw tooLarge()
      await target.write(pcm ? pcm.convert(bytes) : bytes)
    },

    async end() {
      if (head.filename) await open()
      if (isOpen) file?.end()
    },

    /** Fails the store's stream, and waits until the store has settled. */
    async fail(error: unknown) {
      await file?.fail(error)
    },

    result: async () => file && { filename: file.filename, stored: await file.stored },
  }
}
