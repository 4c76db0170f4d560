import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { VerbatimError } from '../errors.ts'
import { readTextUpTo } from '../read-body.ts'

/** Signatures alone: what a secret signs, anyone could who knows the keys, since these are public. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]

/** By which the provider's clock may differ. */
const CLOCK_SECONDS = 5

export type Identity = {
  issuer: string
  subject: string
  /** Null unless the provider has verified it. */
  email: string | null
  /** When the token that tells of it expires, in milliseconds since 1970. */
  expiresAt: number
}

export type IdentityProvider = ReturnType<typeof createIdentityProvider>

/**
 * Reads the JWTs of an identity provider by the keys that it publishes (JWKS, RFC 7517), which are fetched when first
 * needed, every ten minutes, and for a key that is not known yet, at most every half minute.
 */
export function createIdentityProvider({
  jwksUrl,
  issuer,
  audience,
}: {
  jwksUrl: string
  issuer: string
  audience: string
}) {
  const published = createRemoteJWKSet(new URL(jwksUrl), { [customFetch]: fetchKeys })

  const keyOf: JWTVerifyGetKey = (header, token) =>
    published(header, token).catch((error) => {
      if (REFUSALS.some((refusal) => error instanceof refusal)) throw error
      throw new VerbatimError(
        'identity_provider_unavailable',
        'The keys of the identity provider cannot be fetched at the moment',
        { cause: error },
      )
    })

  return {
    /** Null for what is no valid token of this provider for this audience. Throws `identity_provider_unavailable`. */
    async verify(token: string): Promise<Identity | null> {
      try {
        const { payload, protectedHeader } = await jwtVerify(token, keyOf, {
          issuer,
          audience,
          algorithms: ALGORITHMS,
          clockTolerance: CLOCK_SECONDS,
          requiredClaims: ['sub', 'exp'],
        })
        const { sub, exp = 0, email, email_verified, typ } = payload
        if (!isAccessToken({ header: protectedHeader.typ, claim: typ })) return null
        // RFC 7519 section 4.1.2: a string. Anything else would be written to the database as another user's.
        if (!isPlain(sub)) return null
        const isVerified = email_verified === true && isPlain(email)
        return {
          issuer,
          subject: sub,
          email: isVerified ? email.trim().toLowerCase() : null,
          expiresAt: exp * 1000,
        }
      } catch (error) {
        if (error instanceof errors.JOSEError) return null
        throw error
      }
    },
  }
}

/** Hundreds of keys. */
const MAX_JWKS_BYTES = 256 * 1024

const fetchKeys: FetchImplementation = async (url, init) => {
  const answer = await fetch(url, init)
  const { text, isWhole } = await readTextUpTo(answer, MAX_JWKS_BYTES)
  if (!isWhole) throw new Error(`The key set at ${url} is larger than ${MAX_JWKS_BYTES} bytes`)
  return new Response(text, answer)
}

/** Of a token that names no key of the provider's; any other error is the provider's own. */
const REFUSALS = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported]

/** Of a length to keep, and without what Postgres takes in no text. */
const isPlain = (text: unknown): text is string =>
  typeof text === 'string' && /^[^\p{Cc}\p{Cs}]{1,255}$/u.test(text)

/** RFC 9068 section 2.1; most providers still write `JWT`, or nothing. */
const ACCESS_TOKEN_HEADERS = /^(application\/)?(jwt|at\+jwt)$/i

/**
 * Refuses a token that says it is something else: a logout token (`logout+jwt`), or what Keycloak calls ID, Refresh, Offline or
 * Logout in a claim. An ID token that says nothing is taken if its `aud` is ours: some providers issue no other JWT.
 */
function isAccessToken({ header, claim }: { header: string | undefined; claim: unknown }): boolean {
  const isNamed = header === undefined || ACCESS_TOKEN_HEADERS.test(header)
  return isNamed && (claim === undefined || claim === 'Bearer' || claim === 'JWT')
}
