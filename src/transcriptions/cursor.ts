import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import type { Place } from './list.store.ts'

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/

/** What a client hands back to go on behind a place; nothing is to be read from it. */
export function cursorOf({ time, id }: Place): string {
  return btoa(`${time}/${id}`).replaceAll('=', '')
}

/** Throws `validation` for what `cursorOf` did not make. */
export function placeIn(cursor: string): Place {
  const [time = '', id = '', ...rest] = decoded(cursor).split('/')
  if (TIME.test(time) && !Number.isNaN(Date.parse(time)) && isUuid(id) && rest.length === 0)
    return { time, id }
  throw new VerbatimError('validation', 'cursor is none that this list gave as next_cursor')
}

function decoded(cursor: string): string {
  try {
    return atob(cursor)
  } catch {
    return ''
  }
}
