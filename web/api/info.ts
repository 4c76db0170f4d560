import { signal } from '@preact/signals'
import { api, unwrap } from './client.ts'

type Info = Awaited<ReturnType<typeof loadInfo>>

const loadInfo = () => unwrap(api.info.get())

/** What the server offers. Null until it is read. */
export const info = signal<Info | null>(null)

export async function refreshInfo(): Promise<void> {
  info.value = await loadInfo()
}
