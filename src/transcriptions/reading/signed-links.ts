import { timingSafeEqual } from '../../crypto.ts'
import { VerbatimError } from '../../errors.ts'

/** HMAC-SHA256 of a message, both as UTF-8: 32 bytes. */
export type Hmac = (signed: { secret: string; message: string }) => Uint8Array

/** A signed link to something of the transcription `id`. `expires`: Unix seconds. */
export type SignedLink = { id: string; expires: number; signature: string }

export type LinkSigner = ReturnType<typeof createLinkSigner>

/**
 * Signs and verifies links that a browser can open without a token: HMAC-SHA256 over the path and the expiry
 * (Unix seconds), in the query parameters `expires` and `signature`. The first secret signs; signatures of
 * all secrets are valid. `seconds` is the lifetime of a link.
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
  // The first line separates these signatures from those of access tokens, which use the same secret.
  const messageOf = (path: string, expires: number) => `signed-url\n${path}\n${expires}`

  return {
    sign(path: string): string {
      const expires = Math.floor(Date.now() / 1000) + seconds
      const signature = hmac({ secret: first, message: messageOf(path, expires) })
      return `${path}?expires=${expires}&signature=${signature.toHex()}`
    },

    verify({ path, expires, signature }: { path: string; expires: number; signature: string }): boolean {
      if (expires < Date.now() / 1000 || !/^[0-9a-f]{64}$/.test(signature)) return false
      const bytes = Uint8Array.fromHex(signature)
      const message = messageOf(path, expires)
      return secrets.some((secret) => timingSafeEqual(hmac({ secret, message }), bytes))
    },
  }
}

export function invalidLink(name: string) {
  return new VerbatimError(
    'not_found',
    `This ${name} link is invalid or has expired: read the transcription again for a new one`,
  )
}

/**
 * For a stream that a link opened: a signal that aborts with an `unauthorized` error when the link expires.
 * `until` ends the watch.
 */
export function watchLink({ expires }: Pick<SignedLink, 'expires'>, until: AbortSignal): AbortSignal {
  const expired = new AbortController()
  const error = new VerbatimError(
    'unauthorized',
    'The link of this stream has expired: read the transcription again for a new one',
  )
  const timer = setTimeout(() => expired.abort(error), Math.max(0, expires * 1000 - Date.now()))
  const stop = () => clearTimeout(timer)
  if (until.aborted) stop()
  else until.addEventListener('abort', stop)
  return expired.signal
}
