/** The providers that offer speech recognition through Hugging Face's client. The first one is the default. */
export const HUGGINGFACE_PROVIDERS = ['hf-inference', 'fal-ai', 'together', 'deepinfra', 'replicate'] as const

export type HuggingFaceProvider = (typeof HUGGINGFACE_PROVIDERS)[number]

/** Providers that cannot translate speech. */
export const TRANSCRIBING_ONLY: readonly HuggingFaceProvider[] = ['together', 'deepinfra']

/** The model that providers run by default. */
export const HUGGINGFACE_MODEL = 'openai/whisper-large-v3-turbo'
