import { concatenated } from '../../bytes.ts'
import { quoted, VerbatimError } from '../../errors.ts'
import { audioPart } from './audio-part.ts'
import type { Store } from './file-part.ts'
import type { PartHead } from './part-head.ts'
import { type TextLimits, textFields } from './text-fields.ts'
import { isText, START_BYTES } from './text-start.ts'

/** The names of the file part: this API's and OpenAI's. */
const FILE_FIELDS = ['audio', 'file']

/** Some clients send the file without a filename and a type. Such a part is unclear until its first bytes. */
type Kind = 'text' | 'file' | 'unclear'

/** Receives the parts of a form, one after the other: collects text fields and stores the file. */
export function formParts<Stored>({
  lists,
  textLimits,
  ...options
}: {
  lists: ReadonlySet<string>
  textLimits: TextLimits
  /** The field of the file that errors name. */
  name: string
  maxBytes: number
  tooLarge: () => VerbatimError
  store: Store<Stored>
}) {
  const fields = textFields(lists, textLimits)
  const audio = audioPart(options)
  let part: { head: PartHead; kind: Kind; start: Uint8Array[] } | null = null

  function open(head: PartHead, kind: Kind) {
    part = { head, kind, start: [] }
    if (kind === 'file') audio.begin(head)
    if (kind === 'text') fields.open(head.name)
  }

  async function add(kind: Kind, bytes: Uint8Array) {
    if (kind === 'file') await audio.write(bytes)
    else fields.write(bytes)
  }

  async function settle(head: PartHead, start: Uint8Array) {
    const kind = isText(start.subarray(0, START_BYTES)) ? 'text' : 'file'
    open(head, kind)
    await add(kind, start)
  }

  return {
    /** Throws `no_audio_file` for a file with another name. */
    begin(head: PartHead) {
      open(head, kindOf(head, options.name))
    },

    /** Throws what `audioPart` and `textFields` throw. */
    async write(bytes: Uint8Array) {
      if (!part) return
      if (part.kind !== 'unclear') return add(part.kind, bytes)
      part.start.push(bytes.slice())
      const start = concatenated(part.start)
      if (start.length >= START_BYTES) await settle(part.head, start)
    },

    async end() {
      if (part?.kind === 'unclear') await settle(part.head, concatenated(part.start))
      if (part?.kind === 'file') await audio.end()
      else fields.end()
    },

    /** Fails the store's stream, and waits until the store has settled. */
    fail: audio.fail,

    result: async () => ({ fields: fields.all, file: await audio.result() }),
  }
}

function kindOf({ name, isFile }: PartHead, expected: string): Kind {
  if (FILE_FIELDS.includes(name)) return isFile ? 'file' : 'unclear'
  if (!isFile) return 'text'
  throw new VerbatimError(
    'no_audio_file',
    `The form has a file in the field ${quoted(name)}: send the audio in the field ${expected}`,
  )
}
