/** What the client is to ask for, as JSON on its stdin: GETs by turns of chance, each connection one after another. */
export type Load = {
  /** `http://127.0.0.1:3000` */
  origin: string
  /** Bearer tokens; none is sent where there are none. */
  tokens: string[]
  /** Paths, each with the place of its token. */
  targets: [path: string, token: number][]
  connections: number
  seconds: number
}

/** What the client says of it. */
export type Loaded = {
  answers: number
  seconds: number
  /** Milliseconds from a request to the end of its answer: what 0, 1, 2 … 99 of a hundred stay under. */
  percentiles: number[]
  /** Processor time of the client itself. */
  cpuSeconds: number
}
