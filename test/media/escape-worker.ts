import { readFileSync } from 'node:fs'
import type { FFmpegCore } from '@ffmpeg/core'
import { CONFINED, confineGlobals, openCore } from '../../src/media/ffmpeg/confinement.ts'
import { exitStatusOf } from '../../src/media/ffmpeg/exit-status.ts'
import { INPUT } from '../../src/media/ffmpeg/input.ts'

confineGlobals()

type Attempt = { module: WebAssembly.Module; port: number; decoy: string }

/** Tries each layer by itself: the core without its whitelists, then the whitelists with a second file beside the input. */
addEventListener(
  'message',
  async ({ data: { module, port, decoy } }: MessageEvent<Attempt>) => {
    const opens = async (args: string[], prepare = (_core: FFmpegCore) => {}) => {
      const { core, lines } = await openCore(module)
      prepare(core)
      exitStatusOf(() => core.ffprobe('-of', 'json', '-show_entries', 'format=format_name', ...args))
      return lines.stdout.join('').includes('format_name')
    }
    const toAddress = await opens([`tcp://127.0.0.1:${port}`])
    const toFile = await opens([`file:${decoy}`])
    const throughList = await opens([...CONFINED, INPUT], ({ FS }) => {
      FS.mkdir('/in')
      FS.writeFile('/in/a', 'ffconcat version 1.0\nfile b\n')
      FS.writeFile('/in/b', readFileSync(decoy))
    })
    // Only now would a WebSocket get its turn.
    await Bun.sleep(300)
    postMessage({ toAddress, toFile, throughList })
  },
  { once: true },
)
