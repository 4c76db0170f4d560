import { type Inspect, probeInspector } from '../../src/transcriptions/intake/inspect.ts'

/** Decodes no clips: they wait for prepare, as longer recordings do. */
export function inspectOnly(adapters: Parameters<typeof probeInspector>[0]): Inspect {
  const inspect = probeInspector(adapters)
  return async (audio) => ({ ...(await inspect(audio)), sound: null })
}
