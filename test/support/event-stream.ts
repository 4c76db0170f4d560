export type StreamEvent = { event: string; data: Record<string, unknown> }

/** Reads server-sent events one after another; null at the end of the stream. */
export function eventsIn(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  let lastId: string | undefined

  async function next(): Promise<StreamEvent | null> {
    for (;;) {
      const end = rest.indexOf('\n\n')
      if (end >= 0) {
        const fields = new Map(
          rest
            .slice(0, end)
            .split('\n')
            .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
        )
        rest = rest.slice(end + 2)
        lastId = fields.get('id') ?? lastId
        const event = fields.get('event')
        if (event !== undefined) return { event, data: JSON.parse(fields.get('data') ?? 'null') }
        continue
      }
      const { done, value } = await reader.read()
      if (done) return null
      rest += value
    }
  }

  return {
    next,
    get lastId() {
      return lastId
    },
    /** The data of the next event with this name and for which `is` returns true. */
    async until(event: string, is: (data: Record<string, unknown>) => boolean = () => true) {
      for (;;) {
        const told = await next()
        if (!told) throw new Error(`the stream ended without ${event}`)
        if (told.event === event && is(told.data)) return told.data
      }
    },
    cancel: () => reader.cancel(),
  }
}
