// Measures many short clips at once through the whole service with its own CPU sidecar, then one clip beside
// a long file.
//
//   bun bench/clips/main.ts [--clips 64]

import { longRecording } from '../../test/e2e/recording.ts'
import { signUp } from '../../test/support/client.ts'
import { fixture, SPEECH_SECONDS } from '../../test/support/recordings.ts'
import { startService, withFolder } from '../../test/support/service.ts'
import { readOptions } from '../shared/options.ts'

const { clips } = readOptions({ clips: 64 })
const LONG_REPEATS = 300

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

await withFolder(async (folder) => {
  const service = await startService({ DATA_DIR: folder })
  await service.ready
  const user = await signUp(service.url)
  async function transcribe() {
    const id = await user.upload(Bun.file(fixture('speech.mp3')), { language: 'en' })
    const { status } = await user.finished(id)
    if (status !== 'completed') throw new Error(status)
  }
  await transcribe()
  const alone = await secondsOf(transcribe)
  const together = await secondsOf(() => Promise.all(Array.from({ length: clips }, transcribe)))
  const long = await user.upload(await longRecording(LONG_REPEATS), { language: 'en' })
  while ((await user.status(long)).progress === 0) await Bun.sleep(20)
  const beside = await secondsOf(transcribe)
  const { status } = await user.status(long)
  await service.kill('SIGTERM')
  console.table({
    'one clip without other load, seconds': alone.toFixed(2),
    [`${clips} clips at once, seconds`]: together.toFixed(2),
    'clips per second': (clips / together).toFixed(2),
    'times real time': ((clips * SPEECH_SECONDS) / together).toFixed(1),
    [`one clip while a long file is ${status}, seconds`]: beside.toFixed(2),
  })
})
