import { pgBossQueue } from '../../src/queue/pg-boss.ts'
import { queueContract } from '../contracts/queue.ts'
import { databases } from '../databases.ts'

for (const kind of databases) {
  queueContract({
    name: `pg-boss on ${kind.name}`,
    async open() {
      const { db, connection, close } = await kind.open()
      const onError = (error: Error) => console.error(error)
      return { db, openQueue: () => pgBossQueue({ database: connection, onError }), close }
    },
  })
}
