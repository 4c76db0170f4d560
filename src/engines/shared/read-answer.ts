import { VerbatimError } from '../../errors.ts'
import { isNestedDeeper } from '../../json-depth.ts'
import { readTextUpTo } from '../../read-body.ts'

/** Several times what three minutes of speech come to, with the times of all words. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
/** Deeper JSON takes the parser seconds; a transcript has 5 levels. */
const MAX_LEVELS = 16
/** Enough of an error's body to find a sentence in it. */
const MAX_REASON_BYTES = 64 * 1024

/**
 * The text of an engine's answer, read as it arrives and no further than 4 MiB. Throws `engine_unavailable` for a larger one, and for
 * JSON nested deeper than 16 levels.
 */
export async function readAnswer(answer: Response): Promise<string> {
  const { text, isWhole } = await readTextUpTo(answer, MAX_ANSWER_BYTES)
  if (!isWhole) throw refused(`it is larger than ${MAX_ANSWER_BYTES} bytes`)
  if (isNestedDeeper(text, MAX_LEVELS)) throw refused(`it is nested deeper than ${MAX_LEVELS} levels`)
  return text
}

/** The first 64 KiB of an answer that says why there is no transcript. */
export async function readReason(answer: Response): Promise<string> {
  return (await readTextUpTo(answer, MAX_REASON_BYTES)).text
}

function refused(reason: string) {
  return new VerbatimError('engine_unavailable', `The engine's answer is not read: ${reason}.`)
}
