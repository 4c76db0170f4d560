import { argon2idAsync } from '@noble/hashes/argon2.js'
import { timingSafeEqual } from '../crypto.ts'
import { ARGON2ID, type Passwords } from './passwords.ts'

const SALT_BYTES = 16
const HASH_BYTES = 32

/**
 * In plain JavaScript, for runtimes without argon2id. Slower than Bun's; each verifies hashes of the other.
 */
export const portableArgon2id: Passwords = {
  async hash(password) {
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES))
    const costs = { m: ARGON2ID.memoryKib, t: ARGON2ID.passes, p: 1 }
    const hash = await argon2idAsync(password, salt, { ...costs, dkLen: HASH_BYTES })
    return `$argon2id$v=19$m=${costs.m},t=${costs.t},p=${costs.p}$${unpadded(salt)}$${unpadded(hash)}`
  },

  async verify(password, hash) {
    const { salt, expected, ...costs } = parse(hash)
    const actual = await argon2idAsync(password, salt, { ...costs, dkLen: expected.length })
    return timingSafeEqual(actual, expected)
  },
}

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

/** Parses a PHC string. */
function parse(hash: string) {
  const [, m, t, p, salt, expected] = PHC.exec(hash) ?? []
  if (!salt || !expected) throw new Error('The stored password hash is not an argon2id PHC string')
  return {
    m: Number(m),
    t: Number(t),
    p: Number(p),
    salt: Uint8Array.fromBase64(salt),
    expected: Uint8Array.fromBase64(expected),
  }
}

const unpadded = (bytes: Uint8Array) => bytes.toBase64({ omitPadding: true })
