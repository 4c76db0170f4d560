const DEFAULT_MODEL = new Set(['base', 'Systran/faster-whisper-base'])

const namesOf = (models: string) => models.split(',').map((name) => name.trim())

/** Whether the default model must be installed for this MODELS. The sidecar fetches other models itself. */
export function needsDefaultModel(models: string | undefined): boolean {
  return models === undefined || namesOf(models).some((name) => DEFAULT_MODEL.has(name))
}

/**
 * The sidecar's MODEL, or its MODELS with the default model's folder instead of its name.
 *
 * `model`: the folder or name of the only model, or the folder of the default model.
 */
export function modelSettings(models: string | undefined, model: string): Record<string, string> {
  if (models === undefined) return { MODEL: model }
  return {
    MODELS: namesOf(models)
      .map((name) => (DEFAULT_MODEL.has(name) ? model : name))
      .join(),
  }
}
