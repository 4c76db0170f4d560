// Runs the service as `npm start` does, but prints each step of its start, and sends itself SIGTERM after the
// step that STOP_AFTER names.
import { run } from '../../src/run.ts'

await run({
  env: process.env,
  onStep(name) {
    console.log(`step: ${name}`)
    if (name === process.env.STOP_AFTER) process.kill(process.pid, 'SIGTERM')
  },
})
