import { type AccountServices, createAccountService } from './account.service.ts'
import { createRegistration, type Registration } from './registration.ts'
import { createSessionsService, type SessionServices } from './sessions.service.ts'

export type AuthService = ReturnType<typeof createAuthService>

/** Accounts and their sessions. `register`, `login` and `refresh` return the tokens of a session. */
export function createAuthService({
  registration,
  ...services
}: SessionServices & AccountServices & { registration: Registration }) {
  const { openSession, login, refresh, logout } = createSessionsService(services)
  const { register, isOpen, createAccount } = createRegistration({ ...services, registration, openSession })
  const { me, changePassword, remove } = createAccountService(services)
  return {
    register,
    isRegistrationOpen: isOpen,
    createAccount,
    login,
    refresh,
    logout,
    me,
    changePassword,
    remove,
  }
}
