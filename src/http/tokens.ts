import { jwt } from '@elysiajs/jwt'
import { Elysia, t } from 'elysia'
import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'

export const ACCESS_TOKEN_SECONDS = 3600

// The plugin asks for the claim, but loses its format.
const claims = t.Object({ sub: t.String() })

/** Signs and reads access tokens: `tokens.sign({ sub })`. */
export function tokens({ secret }: { secret: string }) {
  return new Elysia({ name: 'tokens' }).use(
    jwt({ name: 'tokens', secret, alg: 'HS256', exp: `${ACCESS_TOKEN_SECONDS}s`, schema: claims }),
  )
}

/** Lets only requests with a valid bearer token through, and gives their routes `userId`. */
export function bearer({ secret }: { secret: string }) {
  return new Elysia({ name: 'bearer' })
    .use(tokens({ secret }))
    .resolve({ as: 'scoped' }, async ({ headers, tokens }) => {
      const [scheme, token] = headers.authorization?.split(' ') ?? []
      if (scheme?.toLowerCase() !== 'bearer' || !token) {
        throw new VerbatimError('unauthorized', 'Send an access token: Authorization: Bearer <token>')
      }
      const claims = await tokens.verify(token, { algorithms: ['HS256'] })
      if (!claims || !isUuid(claims.sub)) {
        throw new VerbatimError('unauthorized', 'The access token is not valid or has expired: log in again')
      }
      return { userId: claims.sub }
    })
}

/** For the document: these routes take a bearer token. */
export const BEARER = [{ bearer: [] }]
