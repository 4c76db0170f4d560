/**
 * What a caller may do. Access tokens have `read`, `write` and `account` (the account itself and its API
 * keys); those of administrators also have `admin`. An API key has those of `read` and `write` that it was
 * created with.
 */
export type Scope = 'read' | 'write' | 'account' | 'admin'

/** The user, scopes and session behind a bearer token. */
export type Caller = {
  userId: string
  scopes: readonly Scope[]
  /** Null for API keys and for users of an identity provider. */
  sessionId: string | null
}
