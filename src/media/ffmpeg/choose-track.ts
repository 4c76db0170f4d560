import { CONFINED, openCore } from './confinement.ts'
import { exitStatusOf } from './exit-status.ts'
import { INPUT, mountInput } from './input.ts'
import { mountOutput, OUTPUT } from './pcm-sink.ts'
import { probe } from './probe.ts'
import { openRecording, type Recording } from './recording.ts'
import type { Input } from './reports.ts'

/** −80 dBFS: quieter samples are noise of a converter, or none. */
const AUDIBLE = 3

/** Ends a decode at its first audible sample. */
class Audible extends Error {}

/**
 * The audio track to transcribe if none was requested: of the tracks that are flagged default and then of the
 * others, the first that has sound. Without any sound, the first of that order. Throws the errors of `probe`.
 */
export async function chooseTrack(module: WebAssembly.Module, input: Input): Promise<number> {
  const recording = openRecording(input)
  const { info } = await probe(await openCore(module), { recording, track: null })
  const order = info.tracks.toSorted((a, b) => Number(b.isDefault) - Number(a.isDefault))
  if (order.length > 1) {
    for (const { number } of order) if (await isAudible(module, { recording, number })) return number
  }
  return info.track
}

async function isAudible(
  module: WebAssembly.Module,
  { recording, number }: { recording: Recording; number: number },
): Promise<boolean> {
  const { core } = await openCore(module)
  mountInput(core.FS, recording.source)
  mountOutput(core.FS, (bytes) => {
    for (let at = 0; at + 1 < bytes.length; at += 2) {
      const sample = (((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)) << 16) >> 16
      if (Math.abs(sample) > AUDIBLE) throw new Audible()
    }
  })
  const map = ['-map', `0:a:${number - 1}`]
  try {
    exitStatusOf(() =>
      core.exec('-hide_banner', '-nostats', ...CONFINED, '-i', INPUT, ...map, '-f', 's16le', OUTPUT),
    )
    return false
  } catch (error) {
    if (error instanceof Audible) return true
    throw error
  }
}
