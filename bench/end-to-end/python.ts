import { linesOf } from '../../src/engines/local-sidecar/lines.ts'
import { ROOT } from '../shared/paths.ts'

/** Recordings with their texts: one long file, or clips. `about` states their source in one sentence. */
export type Corpus = {
  name: string
  about: string
  seconds: number
  recordings: { file: string; text: string }[]
}

/** Runs a module of `bench.sidecar`; returns the JSON that it prints. */
async function runModule<T>(python: string, [module, ...args]: string[], input: unknown = null): Promise<T> {
  const child = Bun.spawn([python, '-m', `bench.sidecar.${module}`, ...args], {
    cwd: ROOT,
    stdin: new Blob([JSON.stringify(input)]),
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const text = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`bench.sidecar.${module} ended with ${child.exitCode}`)
  return JSON.parse(text)
}

/** Writes two long mp3 files, A and B, and clips to `folder`. `audio` is a folder of recordings, or empty. */
export function makeRecordings(options: {
  python: string
  model: string
  folder: string
  audio: string
  minutes: number
  clips: number
}): Promise<Corpus[]> {
  const { python, model, folder, audio, minutes, clips } = options
  const args = ['--model', model, '--minutes', String(minutes), '--clips', String(clips)]
  return runModule(python, ['recordings', folder, ...args, ...(audio ? ['--audio', audio] : [])])
}

/** The word error rates, in percent, of pairs of reference texts and transcripts. */
export function wordErrorRates(python: string, pairs: [string[], string[]][]): Promise<number[]> {
  return runModule(python, ['errors'], pairs)
}

/** Starts faster-whisper in its own process and loads the model. It transcribes files one after another. */
export async function openBaseline({
  python,
  model,
  threads,
}: {
  python: string
  model: string
  threads: number
}) {
  const child = Bun.spawn([python, '-m', 'bench.sidecar.baseline', model, 'cpu', 'int8', String(threads)], {
    cwd: ROOT,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const lines = linesOf(child.stdout)[Symbol.asyncIterator]()

  async function answer(): Promise<string[]> {
    const { done, value } = await lines.next()
    if (done) throw new Error('faster-whisper ended')
    return JSON.parse(value)
  }

  function transcribe(mode: string, paths: string[], more = {}): Promise<string[]> {
    const options = { language: 'en', beam_size: 5, ...more }
    child.stdin.write(`${JSON.stringify({ mode, paths, options })}\n`)
    child.stdin.flush()
    return answer()
  }

  await answer()
  return {
    pid: child.pid,
    /** `WhisperModel.transcribe`. */
    sequential: (files: string[]) => transcribe('sequential', files),
    /** `BatchedInferencePipeline`. */
    batched: (files: string[], batch: number) => transcribe('batched', files, { batch_size: batch }),
    close() {
      child.kill('SIGKILL')
      return child.exited
    },
  }
}
