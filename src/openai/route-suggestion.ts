/** The last part of a path that a client with another base URL asks for, and the route that it means. */
const ROUTES: [end: RegExp, route: string][] = [
  [/\/translations?$/, 'POST /v1/audio/translations'],
  [/\/models$/, 'GET /v1/models'],
  [/\/listen$/, 'POST /deepgram/v1/listen'],
  [/\/v2\/upload$/, 'POST /assemblyai/v2/upload'],
  [/\/v2\/transcript$/, 'POST /assemblyai/v2/transcript'],
  // OpenAI's path with another prefix, and the paths of whisper.cpp and whisper-asr-webservice.
  [/\/(transcriptions?|inference|asr)$/, 'POST /v1/audio/transcriptions'],
]

/** The route for other clients that a path without a route means; null if it resembles none. */
export function suggestedRoute(path: string): string | null {
  const end = path.toLowerCase().replace(/\/$/, '')
  return ROUTES.find(([pattern]) => pattern.test(end))?.[1] ?? null
}
