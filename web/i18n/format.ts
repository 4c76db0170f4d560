import { locale } from './messages.ts'

/** `1:02:03`, `2:03`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds)
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const pad = (value: number) => String(value).padStart(2, '0')
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`
}

export function formatDate(iso: string): string {
  const date = new Date(iso)
  const isThisYear = date.getFullYear() === new Date().getFullYear()
  return new Intl.DateTimeFormat(locale.value, {
    day: 'numeric',
    month: 'short',
    ...(isThisYear ? { hour: 'numeric', minute: '2-digit' } : { year: 'numeric' }),
  }).format(date)
}

export function formatDay(date: Date): string {
  return new Intl.DateTimeFormat(locale.value, { day: 'numeric', month: 'short', year: 'numeric' }).format(
    date,
  )
}

export function formatBytes(bytes: number): string {
  const [unit, divisor] =
    bytes >= 1e9
      ? (['gigabyte', 1e9] as const)
      : bytes >= 1e6
        ? (['megabyte', 1e6] as const)
        : (['kilobyte', 1e3] as const)
  const value = bytes / divisor
  return new Intl.NumberFormat(locale.value, {
    style: 'unit',
    unit,
    maximumFractionDigits: value < 10 && unit !== 'kilobyte' ? 1 : 0,
  }).format(value)
}

/** The name of a language in the language of the page. */
export function formatLanguage(code: string): string {
  try {
    return new Intl.DisplayNames(locale.value, { type: 'language' }).of(code) ?? code
  } catch {
    return code
  }
}

export function formatPercent(share: number): string {
  return new Intl.NumberFormat(locale.value, { style: 'percent', maximumFractionDigits: 0 }).format(share)
}
