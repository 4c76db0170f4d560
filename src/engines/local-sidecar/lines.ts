/** What goes on without a line end is cut into lines of this length. */
const MAX_LINE_LENGTH = 64 * 1024

/** The lines of a text stream, without their ends and without empty ones. */
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
