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
    const response = isStartup(message) ? this.#start(message) : this.#execute(message)
    this.#onResponse(response)
    queueMicrotask(() => this.emit('data', response))
    return true
  }

  #start(message: Uint8Array): Buffer {
    return Buffer.from(this.#pglite.execProtocolRawSync(message))
  }

  /**
   * PGlite executes the message before its function returns. `execProtocolRawSync` would also parse each
   * response, and keep it forever.
   */
  #execute(message: Uint8Array): Buffer {
    const chunks: Uint8Array[] = []
    // The bytes are part of PGlite's memory, and are overwritten by the next ones.
    const onRawData = (bytes: Uint8Array) => void chunks.push(bytes.slice())
    this.#pglite
      .execProtocolRawStream(message, { syncToFs: false, onRawData })
      .catch((error) => this.emit('error', error))
    return Buffer.concat(chunks)
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

/** The first message of a connection begins with its length, and others with their type. */
const isStartup = (message: Uint8Array) => message[0] === 0
