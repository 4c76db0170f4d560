import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import type { Cursor } from './list.store.ts'

/** Only years from 1000 to 2999, because Postgres has no year 0. */
const TIME = /^[12]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/

/** An opaque cursor: base64 of the time and id of the last row of a page. */
export function formatCursor({ time, id }: Cursor): string {
  return btoa(`${time}/${id}`).replaceAll('=', '')
}

/** Throws `validation` unless `formatCursor` could have made the cursor. */
export function parseCursor(cursor: string): Cursor {
  const [time = '', id = '', ...rest] = decoded(cursor).split('/')
  if (isTime(time) && isUuid(id) && rest.length === 0) return { time, id }
  throw new VerbatimError('validation', 'cursor is invalid: pass a `next_cursor` returned by this list')
}

/** Date accepts 31 February and 24:00, which Postgres rejects: a valid time is printed as it was parsed. */
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
