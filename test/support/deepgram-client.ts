import { join } from 'node:path'
import { childEnvironment } from '../../src/engines/local-sidecar/child-environment.ts'
import { ensureEnvironment } from '../../src/engines/local-sidecar/environment.ts'
import { PYTHON, ROOT } from './sidecar-dir.ts'

/**
 * Transcribes a file with Deepgram's Python client, whose environment is created at the first use. Returns
 * the response as the client parsed it.
 */
export async function transcribeInPython({ url, key, path }: { url: string; key: string; path: string }) {
  const python = await ensureEnvironment({
    dir: join(ROOT, 'node_modules', '.cache', 'verbatim', 'deepgram-client'),
    requirements: [join(import.meta.dir, 'deepgram-client.txt')],
    python: PYTHON,
    env: childEnvironment(process.env),
    report: () => {},
    signal: AbortSignal.timeout(300_000),
  })
  const child = Bun.spawn([python, join(import.meta.dir, 'deepgram-client.py'), url, key, path], {
    env: childEnvironment(process.env),
    stderr: 'pipe',
  })
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code !== 0) throw new Error(`Deepgram's Python client ended with ${code}:\n${errors}`)
  const response: {
    metadata: { channels: number }
    results: {
      channels: { alternatives: { transcript: string; words: { word: string; confidence: number }[] }[] }[]
      utterances: { transcript: string }[]
    }
  } = JSON.parse(output)
  return response
}
