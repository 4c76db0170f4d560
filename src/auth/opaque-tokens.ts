import { sha256Hex } from '../crypto.ts'

/** Prefixes distinguish the kinds of opaque tokens, for this service and for scanners of leaked secrets. */
export const KEY_PREFIX = 'vk_'
const REFRESH_PREFIX = 'vr_'

const RANDOM_BYTES = 32

export const newKey = () => KEY_PREFIX + textOf(randomBytes())
export const newRefreshToken = () => asRefreshToken(randomBytes())
export const asRefreshToken = (bytes: Uint8Array) => REFRESH_PREFIX + textOf(bytes)

/** The stored form: SHA-256 in hex. 32 random bytes cannot be guessed, so a slow hash is not needed. */
export const hashOf = (token: string): Promise<string> => sha256Hex(token)

const randomBytes = () => crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))
const textOf = (bytes: Uint8Array) => bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
