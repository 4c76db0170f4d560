import { signal } from '@preact/signals'
import { unwrap, v1 } from './client.ts'

const loadModels = async () => (await unwrap(v1.models.get())).data

/** The models that an upload can choose, without their aliases. */
export const models = signal<Awaited<ReturnType<typeof loadModels>>>([])

export async function refreshModels(): Promise<void> {
  models.value = (await loadModels()).filter(({ id, root }) => id === root)
}
