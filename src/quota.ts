/** What of a limit is left, and when there is more. */
export type Quota = {
  name: string
  limit: number
  windowSeconds: number
  remaining: number
  resetSeconds: number
}
