import { api } from '../api/client.ts'
import { endSession, session } from '../api/session.ts'
import { messages } from '../i18n/messages.ts'
import { navigate } from '../routing/router.ts'
import { cancelUpload, uploads } from '../upload/upload-queue.ts'

/** Without a connection, the server removes unfinished uploads by itself, after a day. */
const CANCEL_MS = 2000

/** Leaves nothing of the account in the browser: unfinished uploads are given up, if the user agrees. */
export async function logOut(): Promise<void> {
  if (uploads.value.length > 0 && !confirm(messages.value.logOutWithUploads)) return
  const canceled = Promise.all(uploads.value.map(cancelUpload))
  await Promise.race([canceled, new Promise((resolve) => setTimeout(resolve, CANCEL_MS))])
  const refresh_token = session.value?.refresh
  endSession({ isExpected: true })
  navigate('/')
  // Without a connection, the session expires by itself.
  if (refresh_token) await api.auth.logout.post({ refresh_token }).catch(() => {})
}
