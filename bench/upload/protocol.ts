/** How the same wav is sent. */
export type Way = 'multipart' | 'raw'

/** What the client is to send: in its first argument, as JSON. */
export type Sending = { url: string; way: Way; token: string; bytes: number }

/** What the client says of it when it is answered; times are milliseconds since 1970. */
export type Sent = {
  begunAt: number
  /** When the last byte was given to the socket. */
  sentAt: number
  answeredAt: number
  status: number
  /** What was answered, cut to a few hundred characters. */
  answer: string
}
