import { type Authenticator, bearer } from '../http/bearer.ts'

/** AssemblyAI's clients send the key alone in `Authorization`. */
export const keyAlone = ({ authenticator }: { authenticator: Authenticator }) =>
  bearer({ authenticator, takesKnown: true, schemes: ['', 'bearer'] })
