import { jwt } from '@elysiajs/jwt'
import { t } from 'elysia'
import { decodeProtectedHeader, errors } from 'jose'
import { sha256 } from '../crypto.ts'

export const ACCESS_TOKEN_SECONDS = 900

/** `sub`: the user's id. `sid`: the session's id. */
type AccessClaims = { sub: string; sid?: string }

/** `exp`: when the token expires, in seconds since 1970. */
export type ReadClaims = AccessClaims & { exp: number }

export type AccessTokens = Awaited<ReturnType<typeof createAccessTokens>>

// The plugin requires these claims, but does not check string formats.
const claims = t.Object({ sub: t.String(), sid: t.Optional(t.String()) })

const CHECKS = { algorithms: ['HS256'], requiredClaims: ['exp'] }

/**
 * Signs access tokens (JWT, HS256) with the first secret and accepts those of all secrets. To change the
 * secret, put the new one first, and remove the old one when its last tokens have expired. A hash of the
 * secret is its `kid`.
 */
export async function createAccessTokens({ secrets }: { secrets: readonly [string, ...string[]] }) {
  const [first, ...others] = secrets
  const signing = await keyOf(first)
  const keys = [signing, ...(await Promise.all(others.map(keyOf)))]

  return {
    sign: (claims: AccessClaims): Promise<string> => signing.tokens.sign(claims),

    /** Null if the token is expired, or no secret has signed it. */
    async verify(token: string): Promise<ReadClaims | null> {
      const kid = kidOf(token)
      for (const key of keys) {
        if (kid !== undefined && kid !== key.kid) continue
        const claims = await key.tokens.verify(token, CHECKS)
        if (claims) return { ...claims, exp: claims.exp ?? 0 }
      }
      return null
    },
  }
}

async function keyOf(secret: string) {
  const kid = (await sha256(`kid\n${secret}`)).slice(0, 6).toHex()
  const plugin = jwt({
    name: 'tokens',
    secret,
    alg: 'HS256',
    kid,
    exp: `${ACCESS_TOKEN_SECONDS}s`,
    schema: claims,
  })
  return { kid, tokens: plugin.decorator.tokens }
}

function kidOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).kid
  } catch (error) {
    if (error instanceof TypeError || error instanceof errors.JOSEError) return undefined
    throw error
  }
}
