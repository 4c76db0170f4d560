const encoder = new TextEncoder()

/**
 * Signs and checks links that a browser can open without a token: HMAC-SHA256 over path and expiry (Unix seconds), as the
 * query parameters `expires` and `signature`. The first secret signs, and what any of them has signed is taken.
 */
export function createLinkSigner({
  secrets,
  seconds = 3600,
}: {
  secrets: readonly [string, ...string[]]
  seconds?: number
}) {
  const [first, ...others] = secrets
  const signing = importKey(first)
  const keys = [signing, ...others.map(importKey)]
  // The first line keeps these signatures apart from the access tokens', which are made with the same secret.
  const message = (path: string, expires: number) => encoder.encode(`signed-url\n${path}\n${expires}`)

  return {
    async sign(path: string): Promise<string> {
      const expires = Math.floor(Date.now() / 1000) + seconds
      const signature = await crypto.subtle.sign('HMAC', await signing, message(path, expires))
      return `${path}?expires=${expires}&signature=${new Uint8Array(signature).toHex()}`
    },

    async verify({ path, expires, signature }: { path: string; expires: number; signature: string }) {
      if (expires < Date.now() / 1000 || !/^[0-9a-f]{64}$/.test(signature)) return false
      const bytes = Uint8Array.fromHex(signature)
      for (const key of keys) {
        if (await crypto.subtle.verify('HMAC', await key, bytes, message(path, expires))) return true
      }
      return false
    },
  }
}

function importKey(secret: string) {
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  return crypto.subtle.importKey('raw', encoder.encode(secret), hmac, false, ['sign', 'verify'])
}

export type LinkSigner = ReturnType<typeof createLinkSigner>
