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

export type Facts = Record<string, string | number | boolean | undefined>
export type ToldStep = Omit<Sent, 'attributes' | 'events'> & {
  facts: Facts
  /** The service name of the process that sent it. */
  process: Facts
  events: { name: string; facts: Facts }[]
}

/** An OpenTelemetry collector that accepts OTLP over HTTP as JSON. A test may set its response. */
export function openCollector() {
  const steps: ToldStep[] = []
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
      steps.push(...stepsIn(JSON.parse(text)))
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
    async trace(id: string, is: (steps: ToldStep[]) => boolean): Promise<ToldStep[]> {
      for (;;) {
        const own = steps.filter(({ traceId }) => traceId === id)
        if (is(own)) return own.toSorted((a, b) => Number(a.startTimeUnixNano) - Number(b.startTimeUnixNano))
        await Bun.sleep(20)
      }
    },
    close: () => server.stop(true),
  }
}

function stepsIn({ resourceSpans }: Body): ToldStep[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ attributes, events, ...span }) => ({
        ...span,
        facts: factsOf(attributes),
        process: factsOf(resource.attributes),
        events: events.map(({ name, attributes }) => ({ name, facts: factsOf(attributes) })),
      })),
    ),
  )
}

function factsOf(attributes: Attribute[]): Facts {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
