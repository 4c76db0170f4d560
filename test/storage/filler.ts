import { VerbatimError } from '../../src/errors.ts'
import { diskStorage } from '../../src/storage/disk.ts'

/** Stores a small file in the given folder, then one larger than the limit. Prints the outcome of both. */
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
