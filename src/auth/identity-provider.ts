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

/** Asymmetric only: with HMAC, anyone could sign with the published keys. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

/** Accepted difference between the provider's clock and ours. */
const CLOCK_SECONDS = 5

export type Identity = {
  issuer: string
  subject: string
  /** Null unless the provider has verified it. */
  email: string | null
  /** When the token expires, in milliseconds since 1970. */
  expiresAt: number
}

export type IdentityProvider = ReturnType<typeof createIdentityProvider>

/**
 * Verifies the JWTs of an identity provider with its published keys (JWKS, RFC 7517). The keys are fetched at
 * first use, every ten minutes, and for an unknown key id at most every 30 seconds.
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
      if (TOKEN_ERRORS.some((tokenError) => error instanceof tokenError)) throw error
      throw new VerbatimError(
        'identity_provider_unavailable',
        'The identity provider’s keys cannot be fetched at the moment: try again later',
        { cause: error },
      )
    })

  return {
    /**
     * Null unless it is a valid token of this issuer for this audience. Throws
     * `identity_provider_unavailable`.
     */
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
        // RFC 7519 section 4.1.2: `sub` is a string. Another type could be converted to another user's
        // subject.
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

/** Room for hundreds of keys. */
const MAX_JWKS_BYTES = 256 * 1024

const fetchKeys: FetchImplementation = async (url, init) => {
  const response = await fetch(url, init)
  const { text, isWhole } = await readTextUpTo(response, MAX_JWKS_BYTES)
  if (!isWhole) throw new Error(`The key set at ${url} is larger than ${MAX_JWKS_BYTES} bytes`)
  return new Response(text, response)
}

/** The errors of a token whose key does not exist; any other error is a failure of the provider. */
const TOKEN_ERRORS = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported]

/** Short enough to store, and without characters that Postgres text cannot hold. */
const isPlain = (text: unknown): text is string =>
  typeof text === 'string' && /^[^\p{Cc}\p{Cs}]{1,255}$/u.test(text)

/** RFC 9068 section 2.1 asks for `at+jwt`; most providers write `JWT` or nothing. */
const ACCESS_TOKEN_HEADERS = /^(application\/)?(jwt|at\+jwt)$/i

/**
 * Rejects tokens of another declared type: a logout token (`logout+jwt`), or Keycloak's `typ` claim ID,
 * Refresh, Offline or Logout. An ID token without a declared type is accepted if `aud` matches: some
 * providers issue no other JWT.
 */
function isAccessToken({ header, claim }: { header: string | undefined; claim: unknown }): boolean {
  const isHeaderAccepted = header === undefined || ACCESS_TOKEN_HEADERS.test(header)
  return isHeaderAccepted && (claim === undefined || claim === 'Bearer' || claim === 'JWT')
}
