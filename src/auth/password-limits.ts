/**
 * Counts attempts. The `before…` functions throw `rate_limited`; the `after…` functions are called after the
 * right password.
 */
export type PasswordLimits = {
  beforeRegistration(from: { address: string | null }): Promise<void>
  beforeLogin(attempt: { email: string; address: string | null }): Promise<void>
  afterLogin(attempt: { email: string; address: string | null }): Promise<void>
  beforePassword(login: Login): Promise<void>
  afterPassword(login: Login): Promise<void>
}

/** `sessionId`: null for a user of an identity provider. */
export type Login = { userId: string; sessionId: string | null }
