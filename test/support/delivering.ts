import { noTraces } from '../../src/traces/traces.ts'
import { createDeliver } from '../../src/webhooks/deliver.ts'
import { startRelay } from '../../src/webhooks/relay.ts'
import { createSecretCipher } from '../../src/webhooks/secret-cipher.ts'
import { callbacksOf } from '../../src/worker.ts'
import { SECRET, type TestService } from './api-service.ts'

export const PUBLIC_URL = 'https://verbatim.example'

/** Delivers the messages of a service as a worker does, without backoff and with three retries. */
export async function startDelivering({
  db,
  outbound,
  database,
  logged,
}: Pick<TestService, 'db' | 'outbound' | 'database' | 'logged'>) {
  const log = (...line: unknown[]) => void logged.push(line)
  const queue = await database.openQueue((error) => log('queue', error))
  const deliver = createDeliver({
    db,
    queue,
    outbound,
    cipher: await createSecretCipher({ secrets: [SECRET] }),
    publicUrl: () => PUBLIC_URL,
    callbacks: callbacksOf({ db }),
    traces: noTraces,
    backoff: [0, 0, 0],
  })
  await queue.work('webhook', { concurrency: 2 }, deliver)
  const relay = await startRelay({ db, queue, listen: database.listen, log })
  return {
    queue,
    async stop() {
      await relay.stop()
      await queue.stop(0)
    },
  }
}
