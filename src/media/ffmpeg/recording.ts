import type { Input } from './reports.ts'
import { fileSource, type Source } from './source.ts'
import { type WavSource, wavSource } from './wav-source.ts'

/** An input file as the decoder reads it. `wav`: the facts of a WAV file. */
export type Recording = { source: Source; wav: WavSource | null }

export function openRecording(input: Input): Recording {
  const file = fileSource(input)
  const wav = wavSource(file)
  return { source: wav?.source ?? file, wav }
}
