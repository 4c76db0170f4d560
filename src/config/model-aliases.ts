/** `whisper-1` leaves the engine to the service; the others are engines, as clients name them. */
const MODELS = ['whisper-1', 'sidecar', 'hosted', 'openai'] as const

/** Names that clients send in hard code, each with the model that it means; `*`: every other name. */
export type ModelAliases = ReadonlyMap<string, (typeof MODELS)[number]>

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
    const model = MODELS.find((model) => model === target)
    return name && model && others.length === 0 ? ([name, model] as const) : undefined
  })
  return pairs.every((pair) => pair !== undefined) ? new Map(pairs) : undefined
}
