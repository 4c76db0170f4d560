import { runPythonClient } from './python-client.ts'

/**
 * Transcribes a file with AssemblyAI's Python client, whose environment is created at the first use, and reads,
 * lists and deletes the transcript. Returns what the client parsed.
 */
export async function transcribeInPython({ url, key, path }: { url: string; key: string; path: string }) {
  const read: {
    id: string
    status: string
    error: string | null
    text: string
    words: string[]
    sentences: string[]
    paragraphs: string[]
    srt: string
    listed: string[]
    deleted: string
  } = JSON.parse(await runPythonClient('assemblyai-client', [url, key, path]))
  return read
}
