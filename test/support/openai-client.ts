import { runPythonClient } from './python-client.ts'

/**
 * Transcribes a file with OpenAI's Python client, whose environment is created at the first use: as text, with
 * words, as subtitles and as a stream. Returns what the client parsed.
 */
export async function transcribeInPython({ url, key, path }: { url: string; key: string; path: string }) {
  const read: {
    text: string
    srt: string
    language: string
    words: string[]
    segments: number
    streamed: string
  } = JSON.parse(await runPythonClient('openai-client', [url, key, path]))
  return read
}
