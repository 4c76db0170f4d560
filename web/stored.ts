import { effect, type Signal, signal } from '@preact/signals'

/**
 * A signal whose value is kept in localStorage, and follows changes by other tabs. `parse` validates what is stored;
 * null is not stored.
 */
export function stored<T>(key: string, initial: T, parse: (value: unknown) => T): Signal<T> {
  const read = (text: string | null): T => {
    if (text === null) return initial
    try {
      return parse(JSON.parse(text))
    } catch {
      return initial
    }
  }
  const value = signal(read(localStorage.getItem(key)))
  effect(() => {
    if (value.value === null) localStorage.removeItem(key)
    else localStorage.setItem(key, JSON.stringify(value.value))
  })
  window.addEventListener('storage', (event) => {
    if (event.key === key) value.value = read(event.newValue)
  })
  return value
}
