import { createInterface } from 'node:readline'
import { EXIT, Interrupted, UsageError } from './failure.ts'

type Question = { message: string; isSecret?: boolean; defaultValue?: string }

/** Asks in the terminal; without a terminal, each question takes one line of the standard input. */
export function createPrompt(signal: AbortSignal): (question: Question) => Promise<string> {
  if (process.stdin.isTTY) return askInTerminal
  const lines = createInterface({ input: process.stdin, signal })[Symbol.asyncIterator]()
  return async ({ message }) => {
    const { value, done } = await lines.next()
    signal.throwIfAborted()
    if (done) throw new UsageError(`The standard input has no line for: ${message}`)
    return value.trim()
  }
}

async function askInTerminal({ message, isSecret = false, defaultValue }: Question): Promise<string> {
  const { isCancel, password, text } = await import('@clack/prompts')
  const answer = isSecret
    ? await password({ message, output: process.stderr })
    : await text({
        message,
        output: process.stderr,
        ...(defaultValue !== undefined && { placeholder: defaultValue, defaultValue }),
      })
  if (isCancel(answer)) throw new Interrupted(EXIT.interrupted)
  return answer ?? ''
}
