/**
 * The metrics of one process. Counters are updated as events happen; gauges are read from the database on
 * each scrape.
 */
export type Metrics = {
  /** Records an answered request. `route` is the pattern, so that ids do not create series. */
  request(request: { method: string; route: string; status: number; seconds: number }): void
  /** Records an attempt to transcribe a span. `outcome` is `done`, `left` (aborted), or the error's code. */
  span(attempt: { engine: string; outcome: string; seconds: number; audioSeconds: number }): void
  /** Returns all metrics in Prometheus' text format. */
  exposition(): Promise<{ contentType: string; body: string }>
}
