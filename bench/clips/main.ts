// Many short clips at once through the whole service, with the CPU sidecar that it starts itself; then one more while a long
// file is under way.
//
//   bun bench/clips/main.ts [--clips 64]
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { signUp } from '../../test/e2e/client.ts'
import { longRecording } from '../../test/e2e/recording.ts'
import { startService, withFolder } from '../../test/e2e/service.ts'
import { ROOT } from '../../test/sidecar-dir.ts'

const { values } = parseArgs({ options: { clips: { type: 'string', default: '64' } } })
const CLIPS = Number(values.clips)
const CLIP_SECONDS = 7.1
const LONG_REPEATS = 300

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}

await withFolder(async (folder) => {
  const service = await startService({ DATA_DIR: folder })
  await service.ready
  const user = await signUp(service.url)
  const clip = Bun.file(join(ROOT, 'test/fixtures/speech.mp3'))
  const once = async () => {
    const { status } = await user.finished(await user.upload(clip, { language: 'en' }))
    if (status !== 'completed') throw new Error(status)
  }
  await once()
  const lone = await timed(once)
  const together = await timed(() => Promise.all(Array.from({ length: CLIPS }, once)))
  const long = await user.upload(await longRecording(LONG_REPEATS), { language: 'en' })
  while ((await user.status(long)).progress === 0) await Bun.sleep(20)
  const beside = await timed(once)
  const { status } = await user.status(long)
  await service.kill('SIGTERM')
  console.table({
    'one alone, seconds': lone.toFixed(2),
    [`${CLIPS} at once, seconds`]: together.toFixed(2),
    'clips a second': (CLIPS / together).toFixed(2),
    'times real time': ((CLIPS * CLIP_SECONDS) / together).toFixed(1),
    [`one while a long file is ${status}, seconds`]: beside.toFixed(2),
  })
})
