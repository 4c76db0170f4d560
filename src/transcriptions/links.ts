const encoder = new TextEncoder()

/**
 * Signs and checks links that a browser can open without a token: HMAC-SHA256 over path and expiry (Unix seconds), as the
 * query parameters `expires` and `signature`.
 */
export function createLinkSigner({ secret, seconds = 3600 }: { secret: string; seconds?: number }) {
  const key = crypto.subtle.importKey(
    'raw',
    encoder.encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign', 'verify'],
  )
  // The first line keeps these signatures apart from the access tokens', which are made with the same secret.
  const message = (path: string, expires: number) => encoder.encode(`signed-url\n${path}\n${expires}`)

  return {
    async sign(path: string): Promise<string> {
      const expires = Math.floor(Date.now() / 1000) + seconds
      const signature = await crypto.subtle.sign('HMAC', await key, message(path, expires))
      return `${path}?expires=${expires}&signature=${new Uint8Array(signature).toHex()}`
    },

    async verify({ path, expires, signature }: { path: string; expires: number; signature: string }) {
      if (expires < Date.now() / 1000 || !/^[0-9a-f]{64}$/.test(signature)) return false
      return crypto.subtle.verify('HMAC', await key, Uint8Array.fromHex(signature), message(path, expires))
    },
  }
}

export type LinkSigner = ReturnType<typeof createLinkSigner>
