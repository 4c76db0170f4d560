import { timingSafeEqual } from '../../crypto.ts'

/** HMAC-SHA256 of a message, both as UTF-8: 32 bytes. */
export type Hmac = (signed: { secret: string; message: string }) => Uint8Array

export type LinkSigner = ReturnType<typeof createLinkSigner>

/**
 * Signs and checks links that a browser can open without a token: HMAC-SHA256 over path and expiry (Unix seconds), as the
 * query parameters `expires` and `signature`. The first secret signs, and what any of them has signed is taken.
 */
export function createLinkSigner({
  secrets,
  hmac,
  seconds = 3600,
}: {
  secrets: readonly [string, ...string[]]
  hmac: Hmac
  seconds?: number
}) {
  const [first] = secrets
  // The first line keeps these signatures apart from the access tokens', which are made with the same secret.
  const messageOf = (path: string, expires: number) => `signed-url\n${path}\n${expires}`

  return {
    sign(path: string): string {
      const expires = Math.floor(Date.now() / 1000) + seconds
      const signature = hmac({ secret: first, message: messageOf(path, expires) })
      return `${path}?expires=${expires}&signature=${signature.toHex()}`
    },

    verify({ path, expires, signature }: { path: string; expires: number; signature: string }): boolean {
      if (expires < Date.now() / 1000 || !/^[0-9a-f]{64}$/.test(signature)) return false
      const given = Uint8Array.fromHex(signature)
      const message = messageOf(path, expires)
      return secrets.some((secret) => timingSafeEqual(hmac({ secret, message }), given))
    },
  }
}
