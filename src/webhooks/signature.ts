const SECRET_BYTES = 32
const PREFIX = 'whsec_'
const encoder = new TextEncoder()

/** A random secret in the format of Standard Webhooks. */
export function newSecret(): string {
  return PREFIX + crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toBase64()
}

/**
 * The headers by which a receiver verifies a message and detects duplicates. Standard Webhooks: `v1,` and the
 * base64 of HMAC-SHA256 over `id.timestamp.body`, once for each of the `secrets`.
 */
export async function signed({
  secrets,
  id,
  body,
  at,
}: {
  secrets: string[]
  id: string
  body: string
  at: Date
}): Promise<Record<string, string>> {
  const timestamp = Math.floor(at.getTime() / 1000)
  const content = encoder.encode(`${id}.${timestamp}.${body}`)
  const signatures = await Promise.all(secrets.map((secret) => signatureOf({ secret, content })))
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}

async function signatureOf({ secret, content }: { secret: string; content: Uint8Array<ArrayBuffer> }) {
  const bytes = Uint8Array.fromBase64(secret.slice(PREFIX.length))
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const signature = await crypto.subtle.sign('HMAC', key, content)
  return `v1,${new Uint8Array(signature).toBase64()}`
}
