import { signal } from '@preact/signals'
import { api, unwrap } from './client.ts'

const loadAccount = () => unwrap(api.auth.me.get())

/** The account that is logged in. Null until it is read. */
export const account = signal<Awaited<ReturnType<typeof loadAccount>> | null>(null)

export async function refreshAccount(): Promise<void> {
  account.value = await loadAccount()
}
