type Value = { stringValue?: string; intValue?: number; doubleValue?: number; boolValue?: boolean }
type Attribute = { key: string; value: Value }
type Sent = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Attribute[]
  status: { code: number; message?: string }
  events: { name: string; attributes: Attribute[] }[]
}
type Body = {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Sent[] }[] }[]
}

type Attributes = Record<string, string | number | boolean | undefined>
export type ReceivedSpan = Omit<Sent, 'attributes' | 'events'> & {
  attributes: Attributes
  /** The service name of the process that sent it. */
  process: Attributes
  events: { name: string; attributes: Attributes }[]
}

/** An OpenTelemetry collector that accepts OTLP over HTTP as JSON. A test may set its response. */
export function openCollector() {
  const steps: ReceivedSpan[] = []
  const bodies: string[] = []
  const headers: Record<string, string>[] = []
  let answer: () => Response | Promise<Response> = () => Response.json({})
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const text = await request.text()
      if (new URL(request.url).pathname !== '/v1/traces') return new Response(null, { status: 404 })
      bodies.push(text)
      headers.push(Object.fromEntries(request.headers))
      steps.push(...traceSpansIn(JSON.parse(text)))
      return answer()
    },
  })

  return {
    url: `http://127.0.0.1:${server.port}`,
    steps,
    bodies,
    headers,
    answer(how: typeof answer) {
      answer = how
    },
    /** The trace spans of a trace in the order of their starts, once `is` returns true for them. */
    async trace(id: string, is: (steps: ReceivedSpan[]) => boolean): Promise<ReceivedSpan[]> {
      for (;;) {
        const own = steps.filter(({ traceId }) => traceId === id)
        if (is(own)) return own.toSorted((a, b) => Number(a.startTimeUnixNano) - Number(b.startTimeUnixNano))
        await Bun.sleep(20)
      }
    },
    close: () => server.stop(true),
  }
}

function traceSpansIn({ resourceSpans }: Body): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ attributes, events, ...span }) => ({
        ...span,
        attributes: attributesOf(attributes),
        process: attributesOf(resource.attributes),
        events: events.map(({ name, attributes }) => ({ name, attributes: attributesOf(attributes) })),
      })),
    ),
  )
}

function attributesOf(attributes: Attribute[]): Attributes {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
