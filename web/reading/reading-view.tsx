import { messages } from '../i18n/messages.ts'

export type ReadingProps = {
  id: string
  /** The time to show, from `?t=`. */
  seconds: number | null
  /** The words that the user searched for, from `?q=`. */
  words: string
}

/** A transcript with its audio. */
export function ReadingView({ id }: ReadingProps) {
  return (
    <p>
      {messages.value.transcript} {id}
    </p>
  )
}
