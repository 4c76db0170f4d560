import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { useAction } from '../api/use-action.ts'

/** A list of the server. `change` runs a request that changes it, and then reads it again. */
export function useList<Item>(load: () => Promise<Item[]>) {
  const items = useSignal<Item[]>([])
  const { run, error, isBusy } = useAction()
  const change = (work: () => Promise<unknown>) =>
    run(async () => {
      await work()
      items.value = await load()
    })
  useEffect(() => {
    change(async () => {})
  }, [])
  return { items, change, error, isBusy }
}
