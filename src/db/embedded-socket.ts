import { EventEmitter } from 'node:events'
import type { PGlite } from '@electric-sql/pglite'

/**
 * A socket to PGlite for postgres.js: what is written to it is executed as messages of Postgres's protocol,
 * and the response arrives as data. `onResponse` may change a response.
 */
export class EmbeddedSocket extends EventEmitter {
  readyState = 'open'
  readonly #pglite: PGlite
  readonly #onResponse: (response: Buffer) => void

  constructor(pglite: PGlite, onResponse: (response: Buffer) => void) {
    super()
    this.#pglite = pglite
    this.#onResponse = onResponse
  }

  write(message: Uint8Array): true {
    const { buffer, byteOffset, length } = this.#pglite.execProtocolRawSync(message)
    const response = Buffer.from(buffer, byteOffset, length)
    this.#onResponse(response)
    queueMicrotask(() => this.emit('data', response))
    return true
  }

  end() {
    this.destroy()
  }

  destroy() {
    if (this.readyState === 'closed') return
    this.readyState = 'closed'
    queueMicrotask(() => this.emit('close'))
  }
}
