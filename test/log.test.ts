import { expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { VerbatimError } from '../src/errors.ts'
import { createLog, withoutRepeats } from '../src/log.ts'
import { embedded } from './support/databases.ts'

function logged(format: 'text' | 'json', ...entry: Parameters<ReturnType<typeof createLog>>) {
  const lines: string[] = []
  createLog(format, (line) => lines.push(line))(...entry)
  return lines.join('\n')
}

test('JSON format writes one object per line, with the error in it', () => {
  const error = new Error('it broke', { cause: new TypeError('no such thing') })
  const line = logged('json', 'a span failed', error, { request_id: 'r1' })
  expect(line).not.toContain('\n')
  expect(JSON.parse(line)).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    level: 'error',
    message: 'a span failed',
    request_id: 'r1',
    error: {
      name: 'Error',
      message: 'it broke',
      stack: expect.stringContaining('log.test.ts'),
      cause: expect.objectContaining({ name: 'TypeError', message: 'no such thing' }),
    },
  })
  expect(JSON.parse(logged('json', 'started'))).toMatchObject({ level: 'info', message: 'started' })
})

test('text format writes one line and the error below it; an expected error has no stack', () => {
  expect(logged('text', 'started', undefined, { port: 3000 })).toMatch(/^[\d-]+T[\d:.]+Z started port=3000$/)
  expect(logged('text', 'failed', new Error('it broke'))).toMatch(/failed\n {2}Error: it broke\n.*at /)
  const expected = new VerbatimError('engine_unavailable', 'The sidecar broke off')
  expect(logged('text', 'failed', expected)).toEndWith('failed\n  VerbatimError: The sidecar broke off')
})

test('the values of a failed query are not logged', async () => {
  const database = await embedded.open()
  try {
    const words = 'what was said in confidence'
    const error = await database.db
      .transaction((tx) => tx.execute(sql`select ${words}::integer`))
      .catch((error: unknown) => error)
    expect(String(error)).toContain(words)
    for (const format of ['text', 'json'] as const) {
      const line = logged(format, 'failed', error)
      expect(line).toContain('Failed query: select $1::integer')
      expect(line).not.toContain(words)
    }
  } finally {
    await database.close()
  }
})

test('a repeated error is logged once a minute, and other errors are logged too', () => {
  const lines: string[] = []
  const log = withoutRepeats((line, error) => lines.push(`${line}: ${error}`))
  for (const _ of [1, 2, 3]) log('queue', new Error('the database is away'))
  log('queue', new Error('the disk is full'))
  log('sweep', new Error('the database is away'))
  expect(lines).toEqual([
    'queue: Error: the database is away',
    'queue: Error: the disk is full',
    'sweep: Error: the database is away',
  ])
})
