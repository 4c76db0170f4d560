import { expect, test } from 'bun:test'
import { DrizzleQueryError } from 'drizzle-orm'
import { isOutage, outageOf } from '../../src/db/outage.ts'
import { VerbatimError } from '../../src/errors.ts'

const withCode = (code: string) => Object.assign(new Error('secret of the database'), { code })
const failedQuery = (code: string) => new DrizzleQueryError('select secret', [], withCode(code))

const SQLSTATES = ['08006', '28P01', '3D000', '25006', '53200', '53300', '57P01', '57P02', '57P03', '58030']
const DRIVER_CODES = ['CONNECTION_CLOSED', 'CONNECTION_ENDED', 'CONNECTION_DESTROYED', 'CONNECT_TIMEOUT']
const SOCKET_CODES = ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH', 'EPIPE']

test.each([...SQLSTATES, ...DRIVER_CODES, ...SOCKET_CODES])(
  '%s is an outage, also as the cause of another error',
  (code) => {
    for (const error of [withCode(code), failedQuery(code)]) {
      expect(outageOf(error)).toMatchObject({ code: 'database_unavailable', cause: error })
      expect(String(outageOf(error))).not.toContain('secret')
      expect(isOutage(error)).toBe(true)
    }
  },
)

test('53100 is a full disk', () => {
  expect(outageOf(failedQuery('53100'))).toMatchObject({ code: 'storage_full' })
})

test('an outage is found in a suppressed error', () => {
  const suppressed = new SuppressedError(new Error('released'), failedQuery('57P01'), '')
  expect(outageOf(suppressed)).toMatchObject({ code: 'database_unavailable' })
})

test.each(['23505', '22P02', '42P01', '40001', 'ENOENT', 'XX000'])('%s is a defect', (code) => {
  expect(outageOf(failedQuery(code))).toBeNull()
  expect(isOutage(failedQuery(code))).toBe(false)
})

test('a VerbatimError is an outage only if the storage is full or unavailable', () => {
  expect(isOutage(new VerbatimError('engine_unavailable', 'The sidecar failed'))).toBe(false)
  expect(isOutage(new VerbatimError('storage_unavailable', 'The storage is unavailable'))).toBe(true)
  expect(isOutage(new VerbatimError('storage_full', 'The disk is full'))).toBe(true)
})
