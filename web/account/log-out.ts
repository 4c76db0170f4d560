import { api } from '../api/client.ts'
import { endSession, session } from '../api/session.ts'
import { navigate } from '../routing/router.ts'

export async function logOut(): Promise<void> {
  const refresh_token = session.value?.refresh
  endSession({ isExpected: true })
  navigate('/')
  // Without a connection, the session expires by itself.
  if (refresh_token) await api.auth.logout.post({ refresh_token }).catch(() => {})
}
