import { type Authenticator, bearer } from '../http/bearer.ts'

/** AssemblyAI's clients send the key in `Authorization` without a scheme. */
export const keyAlone = ({ authenticator }: { authenticator: Authenticator }) =>
  bearer({ authenticator, takesKnown: true, schemes: ['', 'bearer'] })
