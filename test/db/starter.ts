import { openPostgres } from '../../src/db/postgres.ts'
import { pgBossQueue } from '../../src/queue/pg-boss.ts'

/** A process that opens the database at a URL, with its queue, as a service does at its start. */
const url = process.argv[2] ?? ''
const database = await openPostgres({ url })
const queue = await pgBossQueue({
  url,
  listen: database.listen,
  onError: (error) => {
    throw error
  },
})
await database.ping()
await queue.stop(0)
await database.close()
console.log('opened')
