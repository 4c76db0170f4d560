import { runPythonClient } from './python-client.ts'

/**
 * Transcribes a file with Deepgram's Python client, whose environment is created at the first use. Returns
 * the response as the client parsed it.
 */
export async function transcribeInPython({ url, key, path }: { url: string; key: string; path: string }) {
  const response: {
    metadata: { channels: number }
    results: {
      channels: { alternatives: { transcript: string; words: { word: string; confidence: number }[] }[] }[]
      utterances: { transcript: string }[]
    }
  } = JSON.parse(await runPythonClient('deepgram-client', [url, key, path]))
  return response
}
