import { checksOf, matchesAny } from './checks.ts'
import type { Expected } from './entries.ts'
import type { Observed } from './observe.ts'

export type Verdict = 'right' | 'wrong' | 'by hand'
export type Judgement = { verdict: Verdict; faults: string[] }

/** `expect` allows a refusal if it names one. */
const NAMES_REFUSAL = /\b4(xx|\d\d)\b|refus|not_found/
/** `expect` requires a refusal if it starts with its status, such as `4xx` or `a 400`, and has no alternative. */
const STARTS_WITH_REFUSAL = /^(a )?4(xx|\d\d)\b/
const HAS_ALTERNATIVE = /\bor\b/

/** Compares a result with the expected one; `by hand` if only the words of `expect` can decide. */
export function judge(expected: Expected, observed: Observed): Judgement {
  const { http, status, error, cues } = observed
  if (http === null) return wrong([error ?? 'no response'])
  if (http >= 500) return wrong([`HTTP ${http}`])
  if (http >= 400) return judgeRefusal(expected, error)
  const { expect } = expected
  if (STARTS_WITH_REFUSAL.test(expect) && !HAS_ALTERNATIVE.test(expect)) return wrong(['was accepted'])
  if (status !== null && status !== 'completed') return wrong([`is ${status}`])
  const checks = checksOf(expected, observed)
  const faults = [...checks.filter(({ isMet }) => !isMet).map(({ fault }) => fault), ...cues]
  if (faults.length > 0) return wrong(faults)
  return { verdict: checks.length > 0 ? 'right' : 'by hand', faults }
}

const wrong = (faults: string[]): Judgement => ({ verdict: 'wrong', faults })

/** A sentence has spaces; a bare code has none. */
function judgeRefusal({ expect, error_contains: parts }: Expected, error: string | null): Judgement {
  if (!NAMES_REFUSAL.test(expect)) return wrong(['was refused'])
  if (!error?.includes(' ')) return wrong(['was refused without a sentence'])
  const sentence = error.toLowerCase()
  const missing = (parts ?? []).filter(
    (part) => !matchesAny(part, (choice) => sentence.includes(choice.toLowerCase())),
  )
  if (missing.length > 0) return wrong(missing.map((part) => `the error lacks "${part}"`))
  return { verdict: parts || STARTS_WITH_REFUSAL.test(expect) ? 'right' : 'by hand', faults: [] }
}
