const SAMPLES = 5

/** Counts what was asked and answered, and what went otherwise than it has to, with samples of the latter. */
export function openTally() {
  const answers = new Map<string, number>()
  const faults = new Map<string, { count: number; samples: string[] }>()

  return {
    answers,
    faults,
    answered(what: string) {
      answers.set(what, (answers.get(what) ?? 0) + 1)
    },
    fault(kind: string, sample: string) {
      const known = faults.get(kind) ?? { count: 0, samples: [] }
      faults.set(kind, known)
      known.count += 1
      if (known.samples.length < SAMPLES) known.samples.push(sample.slice(0, 600))
    },
  }
}

export type Tally = ReturnType<typeof openTally>
