/** Longer lines are split. */
const MAX_LINE_LENGTH = 64 * 1024

/** The lines of a text stream, without line ends and without empty lines. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n|\r/)
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield line
    if (rest.length > MAX_LINE_LENGTH) {
      yield rest
      rest = ''
    }
  }
  if (rest.trim() !== '') yield rest
}
