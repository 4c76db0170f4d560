import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import type { Cursor } from './list.store.ts'

/** Postgres has no year 0, and no such cursor is of another millennium. */
const TIME = /^[12]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/

/** What a client hands back to go on behind a place; nothing is to be read from it. */
export function formatCursor({ time, id }: Cursor): string {
  return btoa(`${time}/${id}`).replaceAll('=', '')
}

/** Throws `validation` for what `cursorOf` did not make. */
export function parseCursor(cursor: string): Cursor {
  const [time = '', id = '', ...rest] = decoded(cursor).split('/')
  if (isTime(time) && isUuid(id) && rest.length === 0) return { time, id }
  throw new VerbatimError('validation', 'cursor is invalid: pass a `next_cursor` returned by this list')
}

/** Date takes the 31st of February for the 3rd of March, and 24:00 for the next day; Postgres takes neither. */
function isTime(text: string): boolean {
  const time = new Date(TIME.test(text) ? text : Number.NaN)
  return !Number.isNaN(time.getTime()) && time.toISOString().slice(0, -1) === text.slice(0, -4)
}

function decoded(cursor: string): string {
  try {
    return atob(cursor)
  } catch {
    return ''
  }
}
