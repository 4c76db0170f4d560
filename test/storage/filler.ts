import { VerbatimError } from '../../src/errors.ts'
import { diskStorage } from '../../src/storage/disk.ts'

/** Stores a little, then more than there is room for, in the folder that it is given; says what became of each. */
const storage = await diskStorage({ root: process.argv[2] ?? '' })
const large = new Uint8Array(5_000_000)

const outcome = (work: Promise<unknown>) =>
  work.then(
    () => 'stored',
    (error: unknown) => (error instanceof VerbatimError ? error.code : String(error)),
  )

console.log(
  JSON.stringify({
    small: await outcome(storage.write('full/audio', new Blob([large.subarray(0, 1000)]).stream())),
    write: await outcome(storage.write('full/audio', new Blob([large]).stream())),
  }),
)
