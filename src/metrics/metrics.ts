/** What is counted in a process as it happens, and read from the database when it is asked for. */
export type Metrics = {
  /** A request that was answered. `route`: its pattern, so that ids make no series of their own. */
  request(answered: { method: string; route: string; status: number; seconds: number }): void
  /** A span that an engine was at for so many seconds. `outcome`: `done`, `left`, or the error's code. */
  span(tried: { engine: string; outcome: string; seconds: number; audioSeconds: number }): void
  /** All of it in Prometheus' text format. */
  exposition(): Promise<{ contentType: string; body: string }>
}
