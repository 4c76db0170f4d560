/** What a key is for. A purpose is part of the key, so changing one makes what was written with it unreadable. */
export type KeyPurpose = 'refresh tokens' | 'webhook secrets'

/** Derives the bytes of a key for one purpose from a secret that has several (HKDF-SHA256, RFC 5869). */
export async function deriveKeyBytes(secret: string, purpose: KeyPurpose): Promise<Uint8Array<ArrayBuffer>> {
  const base = await crypto.subtle.importKey('raw', utf8(secret), 'HKDF', false, ['deriveBits'])
  // RFC 5869 section 3.1: without a salt, a string of zeros. `info` is what separates the purposes.
  const algorithm = {
    name: 'HKDF',
    hash: 'SHA-256',
    salt: new Uint8Array(32),
    info: utf8(`verbatim\n${purpose}`),
  }
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, base, 256))
}

const utf8 = (text: string) => new TextEncoder().encode(text)
