/** The purpose is part of the derived key: if it changes, data written with the key becomes unreadable. */
export type KeyPurpose = 'refresh tokens' | 'webhook secrets'

/** Derives a 256-bit key for one purpose from a secret that is used for several (HKDF-SHA256, RFC 5869). */
export async function deriveKeyBytes(secret: string, purpose: KeyPurpose): Promise<Uint8Array<ArrayBuffer>> {
  const base = await crypto.subtle.importKey('raw', utf8(secret), 'HKDF', false, ['deriveBits'])
  // RFC 5869 section 3.1: the salt is zeros if there is none. `info` separates the purposes.
  const algorithm = {
    name: 'HKDF',
    hash: 'SHA-256',
    salt: new Uint8Array(32),
    info: utf8(`verbatim\n${purpose}`),
  }
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, base, 256))
}

const utf8 = (text: string) => new TextEncoder().encode(text)
