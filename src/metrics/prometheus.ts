import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Backlog } from '../queue/queue.ts'
import type { Metrics } from './metrics.ts'

/** What is asked when metrics are read; a source that fails is left out of them. */
export type Sources = {
  backlogs: () => Promise<Backlog[]>
  openTranscriptions: () => Promise<Record<string, number>>
  /** Null where hosted inference is not used. */
  hostedSecondsToday: (() => Promise<number>) | null
}

const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const SPAN_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320]

export function prometheusMetrics(sources: Sources): Metrics {
  const registers = [new Registry()]
  const [registry] = registers
  if (!registry) throw new Error('no registry')
  const requests = new Histogram({
    name: 'verbatim_http_request_seconds',
    help: 'Time to the answer, by route; its count is the number of requests.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: REQUEST_BUCKETS,
    registers,
  })
  const spans = new Histogram({
    name: 'verbatim_span_seconds',
    help: 'Time an engine was at a span; its count is the number of spans.',
    labelNames: ['engine', 'outcome'] as const,
    buckets: SPAN_BUCKETS,
    registers,
  })
  const audio = new Counter({
    name: 'verbatim_audio_seconds_total',
    help: 'Audio that engines transcribed. Over the sum of verbatim_span_seconds with outcome="done": how many times real time.',
    labelNames: ['engine'] as const,
    registers,
  })
  addGauges(registers, sources)
  addProcess(registers)

  return {
    request: ({ method, route, status, seconds }) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    span({ engine, outcome, seconds, audioSeconds }) {
      spans.observe({ engine, outcome }, seconds)
      if (outcome === 'done') audio.inc({ engine }, audioSeconds)
    },
    async exposition() {
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
  }
}

function addGauges(registers: Registry[], { backlogs, openTranscriptions, hostedSecondsToday }: Sources) {
  const gauge = <Label extends string>(
    of: { name: string; help: string; labelNames?: Label[] },
    read: (gauge: Gauge<Label>) => Promise<void>,
  ) =>
    new Gauge({
      ...of,
      registers,
      async collect() {
        this.reset()
        await read(this).catch(() => this.reset())
      },
    })
  const byQueue = (name: string, help: string, value: (backlog: Backlog) => number) =>
    gauge({ name, help, labelNames: ['queue'] }, async (gauge) => {
      for (const backlog of await backlogs()) gauge.set({ queue: backlog.name }, value(backlog))
    })
  byQueue('verbatim_queue_waiting', 'Jobs that could be taken up now.', ({ waiting }) => waiting)
  byQueue('verbatim_queue_running', 'Jobs that workers are at.', ({ running }) => running)
  byQueue(
    'verbatim_queue_oldest_seconds',
    'How long the longest of the waiting has waited.',
    ({ oldestSeconds }) => oldestSeconds,
  )
  gauge(
    {
      name: 'verbatim_transcriptions_open',
      help: 'Transcriptions that are not over.',
      labelNames: ['status'],
    },
    async (gauge) => {
      for (const [status, count] of Object.entries(await openTranscriptions())) gauge.set({ status }, count)
    },
  )
  if (!hostedSecondsToday) return
  gauge(
    { name: 'verbatim_hosted_seconds_today', help: 'Audio that hosted inference did since midnight (UTC).' },
    async (gauge) => gauge.set(await hostedSecondsToday()),
  )
}

/** Of prom-client's own metrics of a process, those that mean something on Bun. */
function addProcess(registers: Registry[]) {
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of this process.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When this process started, since the epoch.',
    registers,
  }).set(Date.now() / 1000 - process.uptime())
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time of this process.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
}
