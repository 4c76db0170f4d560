import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Backlog } from '../queue/queue.ts'
import type { Metrics } from './metrics.ts'

/** The sources of gauges, read on each scrape. The gauges of a source that fails are left out. */
export type Sources = {
  backlogs: () => Promise<Backlog[]>
  openTranscriptions: () => Promise<Record<string, number>>
  storageSweep: () => Promise<{ orphans: number; isStopped: boolean }>
  /** Null if hosted inference is not used. */
  hostedSecondsToday: (() => Promise<number>) | null
}

const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const SPAN_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320]

export function prometheusMetrics(sources: Sources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const requests = new Histogram({
    name: 'verbatim_http_request_seconds',
    help: 'Time to answer a request, by route; the count is the number of requests.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: REQUEST_BUCKETS,
    registers,
  })
  const spans = new Histogram({
    name: 'verbatim_span_seconds',
    help: 'Time an engine spent on a span; the count is the number of spans.',
    labelNames: ['engine', 'outcome'] as const,
    buckets: SPAN_BUCKETS,
    registers,
  })
  const audio = new Counter({
    name: 'verbatim_audio_seconds_total',
    help: 'Seconds of transcribed audio. Divided by the sum of verbatim_span_seconds with outcome="done", it is the speed relative to real time.',
    labelNames: ['engine'] as const,
    registers,
  })
  const readSources = addGauges(registers, sources)
  addProcess(registers)

  return {
    request: ({ method, route, status, seconds }) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    span({ engine, outcome, seconds, audioSeconds }) {
      spans.observe({ engine, outcome }, seconds)
      if (outcome === 'done') audio.inc({ engine }, audioSeconds)
    },
    async exposition() {
      await readSources()
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
  }
}

/** Registers the gauges, and returns a function that reads each source into them. */
function addGauges(
  registers: Registry[],
  { backlogs, openTranscriptions, storageSweep, hostedSecondsToday }: Sources,
) {
  const byQueue = (name: string, help: string) => new Gauge({ name, help, labelNames: ['queue'], registers })
  const waiting = byQueue('verbatim_queue_waiting', 'Jobs that are ready to run.')
  const running = byQueue('verbatim_queue_running', 'Jobs that workers are running.')
  const oldest = byQueue('verbatim_queue_oldest_seconds', 'Age of the oldest job that is ready to run.')
  const open = new Gauge({
    name: 'verbatim_transcriptions_open',
    help: 'Unfinished transcriptions.',
    labelNames: ['status'],
    registers,
  })
  const plain = (name: string, help: string) => new Gauge({ name, help, registers })
  const orphans = plain('verbatim_storage_orphans', 'Stored folders that no row of the database refers to.')
  const stopped = plain(
    'verbatim_storage_sweep_stopped',
    '1 while the storage sweep is stopped until an operator intervenes.',
  )
  const hosted =
    hostedSecondsToday &&
    new Gauge({
      name: 'verbatim_hosted_seconds_today',
      help: 'Seconds of audio transcribed by hosted inference since midnight (UTC).',
      registers,
    })

  async function readQueues() {
    for (const { name: queue, ...backlog } of await backlogs()) {
      waiting.set({ queue }, backlog.waiting)
      running.set({ queue }, backlog.running)
      oldest.set({ queue }, backlog.oldestSeconds)
    }
  }

  async function readOpen() {
    for (const [status, count] of Object.entries(await openTranscriptions())) open.set({ status }, count)
  }

  async function readSweep() {
    const sweep = await storageSweep()
    orphans.set(sweep.orphans)
    stopped.set(sweep.isStopped ? 1 : 0)
  }

  return async () => {
    // A gauge whose source fails must not keep its previous value.
    for (const gauge of [waiting, running, oldest, open, orphans, stopped, hosted]) gauge?.reset()
    await Promise.allSettled([
      readQueues(),
      readOpen(),
      readSweep(),
      hostedSecondsToday?.().then((seconds) => hosted?.set(seconds)),
    ])
  }
}

/** prom-client's default process metrics that are meaningful on Bun. */
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
    help: 'Start time of this process, in seconds since the epoch.',
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
