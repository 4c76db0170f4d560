/**
 * Names that clients send in hard code, each with what it means: `whisper-1` leaves engine and model to the
 * service; the others are engines, as clients name them, and models that these run. `*`: every other name.
 */
export type ModelAliases = ReadonlyMap<string, string>

/** OpenAI's and Groq's names, and those of other Whisper servers. */
export const DEFAULT_MODEL_ALIASES = [
  'gpt-4o-transcribe',
  'gpt-4o-mini-transcribe',
  'gpt-4o-transcribe-diarize',
  'gpt-transcribe',
  'whisper-large-v3',
  'whisper-large-v3-turbo',
  'distil-whisper-large-v3-en',
  'whisper',
  'default',
  'base',
  'Systran/faster-whisper-base',
]
  .map((name) => `${name}=whisper-1`)
  .join(',')

/** Parses `name=model` pairs, separated by commas. */
export function modelAliases(text: string): ModelAliases | undefined {
  const pairs = text.split(',').map((item) => {
    const [name = '', target, ...others] = item.split('=').map((side) => side.trim())
    return name && target && others.length === 0 ? ([name, target] as const) : undefined
  })
  return pairs.every((pair) => pair !== undefined) ? new Map(pairs) : undefined
}
