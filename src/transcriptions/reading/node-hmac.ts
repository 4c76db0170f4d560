import { createHmac } from 'node:crypto'
import type { Hmac } from './signed-links.ts'

/**
 * `node:crypto`, which Bun, Deno and workerd have too. WebCrypto changes threads for each HMAC, which takes
 * ten times as long.
 */
export const nodeHmac: Hmac = ({ secret, message }) => createHmac('sha256', secret).update(message).digest()
