// So many workers in one process, each wired as the service wires its own, with a queue, a pool of connections and listeners of its own;
// decoder, storage and engine are simulated.
//
//   bun bench/scale/worker.ts WORKERS ANSWER_MS FOLDER      with DATABASE_URL set
import { assemble } from '../../src/assemble.ts'
import { readSettings } from '../../src/config.ts'
import { createLifecycle, type Lifecycle } from '../../src/lifecycle.ts'
import { startWorker } from '../../src/worker.ts'
import { simulatedEngines, simulatedMedia, simulatedStorage } from './simulated.ts'

const [workers, answerMs, DATA_DIR] = process.argv.slice(2)
const simulated = { media: simulatedMedia, storage: simulatedStorage }
// The sidecar of its wiring is never sent a span.
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
  if (!service.work) throw new Error('it does not work')
  await startWorker({ ...service.work, ...simulated, engines: simulatedEngines(Number(answerMs)) })
}
process.send?.('ready')
process.on('SIGTERM', async () => {
  await Promise.all(lifecycles.map((lifecycle) => lifecycle.stop(0)))
  process.exit(0)
})
