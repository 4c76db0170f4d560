/** What the kinds of opaque tokens begin with, so that they are told apart, also where one has leaked. */
export const KEY_PREFIX = 'vk_'
const REFRESH_PREFIX = 'vr_'

const RANDOM_BYTES = 32

export const newKey = () => KEY_PREFIX + textOf(randomBytes())
export const newRefreshToken = () => asRefreshToken(randomBytes())
export const asRefreshToken = (bytes: Uint8Array) => REFRESH_PREFIX + textOf(bytes)

/** As it is stored: SHA-256 in hex. There is nothing to guess in 32 random bytes, so it need not be slow. */
export async function hashOf(token: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))).toHex()
}

const randomBytes = () => crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))
const textOf = (bytes: Uint8Array) => bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
