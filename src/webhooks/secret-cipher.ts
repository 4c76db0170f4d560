import { sha256 } from '../crypto.ts'
import { deriveKeyBytes } from '../derived-keys.ts'
import { VerbatimError } from '../errors.ts'

const IV_BYTES = 12
const VERSION = 'enc1'

export type SecretCipher = Awaited<ReturnType<typeof createSecretCipher>>

/** The owner's id is additional authenticated data: a secret in another user's row cannot be decrypted. */
type Owner = { userId: string }

/**
 * Encrypts webhook secrets for the database (AES-256-GCM) with a key derived from the first of the service's
 * secrets, and decrypts with all of them. Stored form: `enc1:<key id>:<base64url of IV and ciphertext>`. Rows
 * written before encryption was introduced hold the secret itself (`whsec_…`).
 */
export async function createSecretCipher({ secrets }: { secrets: readonly [string, ...string[]] }) {
  const [first, ...others] = secrets
  const newest = await keyOf(first)
  const keys = [newest, ...(await Promise.all(others.map(keyOf)))]
  const prefix = `${VERSION}:${newest.id}:`

  return {
    /** The prefix of everything encrypted with the first secret. */
    prefix,

    async encrypt(secret: string, { userId }: Owner): Promise<string> {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
      const ciphertext = await crypto.subtle.encrypt(algorithmOf(iv, userId), newest.key, utf8(secret))
      const bytes = new Uint8Array([...iv, ...new Uint8Array(ciphertext)])
      return prefix + bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
    },

    /** Throws `internal`, with a message for the owner, if no secret of the service can decrypt it. */
    async decrypt(stored: string, { userId }: Owner): Promise<string> {
      const [version, keyId, text] = stored.split(':')
      if (version !== VERSION || text === undefined) return stored
      const match = keys.find(({ id }) => id === keyId)
      if (!match) throw undecryptable()
      const bytes = Uint8Array.fromBase64(text, { alphabet: 'base64url' })
      const [iv, ciphertext] = [bytes.slice(0, IV_BYTES), bytes.slice(IV_BYTES)]
      const plain = await crypto.subtle
        .decrypt(algorithmOf(iv, userId), match.key, ciphertext)
        .catch((cause) => Promise.reject(undecryptable(cause)))
      return new TextDecoder().decode(plain)
    },
  }
}

const algorithmOf = (iv: Uint8Array<ArrayBuffer>, userId: string) => ({
  name: 'AES-GCM',
  iv,
  additionalData: utf8(userId),
})

async function keyOf(secret: string) {
  const bytes = await deriveKeyBytes(secret, 'webhook secrets')
  const key = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
  return { id: (await sha256(bytes)).slice(0, 6).toHex(), key }
}

function undecryptable(cause?: unknown) {
  return new VerbatimError(
    'internal',
    'The webhook secret cannot be decrypted, because the service’s JWT_SECRET changed or differs ' +
      'between its processes: rotate the secret with POST /api/webhooks/{id}/secret',
    { cause },
  )
}

const utf8 = (text: string) => new TextEncoder().encode(text)
