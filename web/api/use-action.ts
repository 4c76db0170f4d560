import { useSignal } from '@preact/signals'
import { errorText } from './client.ts'

/** Runs a request of a form: `error` is the sentence to show, `isBusy` disables its button. */
export function useAction() {
  const error = useSignal<string | null>(null)
  const isBusy = useSignal(false)
  /** Returns whether it succeeded. */
  async function run(work: () => Promise<unknown>): Promise<boolean> {
    error.value = null
    isBusy.value = true
    try {
      await work()
      return true
    } catch (failure) {
      error.value = errorText(failure)
      return false
    } finally {
      isBusy.value = false
    }
  }
  return { run, error, isBusy }
}
