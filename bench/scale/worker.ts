// Runs several workers in one process. Each is wired as in the service, with its own queue, connection pool
// and listeners, but with a simulated decoder, storage and engine.
//
//   DATABASE_URL=… bun bench/scale/worker.ts WORKERS ANSWER_MS FOLDER
import { assemble } from '../../src/assemble.ts'
import { readSettings } from '../../src/config.ts'
import { createLifecycle, type Lifecycle } from '../../src/lifecycle.ts'
import { startWorker } from '../../src/worker.ts'
import { simulatedEngines, simulatedMedia, simulatedStorage } from './simulated.ts'

const [workers, answerMs, DATA_DIR] = process.argv.slice(2)
const simulated = { media: simulatedMedia, storage: simulatedStorage }
// The real wiring needs a sidecar, but no span is sent to it.
const env = { ...process.env, MODE: 'worker', SIDECAR_URL: 'http://127.0.0.1:9', DATA_DIR }
const lifecycles: Lifecycle[] = []
for (let worker = 0; worker < Number(workers); worker++) {
  const lifecycle = createLifecycle({ onError: console.error })
  lifecycles.push(lifecycle)
  const service = await assemble({
    settings: readSettings(env),
    env,
    publicUrl: () => 'http://localhost',
    log: (line, error) => error && console.error(line, error),
    step: lifecycle.step,
  })
  if (!service.work) throw new Error('the service has no worker')
  await startWorker({ ...service.work, ...simulated, engines: simulatedEngines(Number(answerMs)) })
}
process.send?.('ready')
process.on('SIGTERM', async () => {
  await Promise.all(lifecycles.map((lifecycle) => lifecycle.stop(0)))
  process.exit(0)
})
