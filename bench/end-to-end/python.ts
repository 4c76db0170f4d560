import { linesOf } from '../../src/engines/local-sidecar/lines.ts'
import { ROOT } from '../../test/sidecar-dir.ts'

/** Speech with its texts: a long file alone, or clips. */
export type Corpus = {
  name: string
  /** Where it comes from, in a sentence. */
  about: string
  seconds: number
  recordings: { file: string; text: string }[]
}

/** Runs a module of `bench.sidecar` with the Python that has its requirements; gives the JSON that it prints. */
async function printed<T>(python: string, [module, ...rest]: string[], input: unknown = null): Promise<T> {
  const child = Bun.spawn([python, '-m', `bench.sidecar.${module}`, ...rest], {
    cwd: ROOT,
    stdin: new Blob([JSON.stringify(input)]),
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const text = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`bench.sidecar.${module} ended with ${child.exitCode}`)
  return JSON.parse(text)
}

/** Two long mp3 files, A and B, and clips, all in `folder`. */
export function makeRecordings(options: {
  python: string
  model: string
  folder: string
  audio: string | undefined
  minutes: number
  clips: number
}): Promise<Corpus[]> {
  const { python, model, folder, audio, minutes, clips } = options
  const arguments_ = ['--model', model, '--minutes', String(minutes), '--clips', String(clips)]
  return printed(python, ['recordings', folder, ...arguments_, ...(audio ? ['--audio', audio] : [])])
}

/** Words wrong in a hundred of each pair of what was said and what was heard. */
export function wordErrors(python: string, pairs: [string[], string[]][]): Promise<number[]> {
  return printed(python, ['errors'], pairs)
}

export type Baseline = {
  pid: number
  /** One after another by `WhisperModel.transcribe`. */
  sequential(files: string[]): Promise<string[]>
  /** One after another by `BatchedInferencePipeline`. */
  batched(files: string[], batch: number): Promise<string[]>
  close(): Promise<unknown>
}

/** faster-whisper in a process of its own, its model loaded. */
export async function openBaseline(options: {
  python: string
  model: string
  threads: number
}): Promise<Baseline> {
  const { python, model, threads } = options
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

  function ask(mode: string, paths: string[], options = {}): Promise<string[]> {
    child.stdin.write(
      `${JSON.stringify({ mode, paths, options: { language: 'en', beam_size: 5, ...options } })}\n`,
    )
    child.stdin.flush()
    return answer()
  }

  await answer()
  return {
    pid: child.pid,
    sequential: (files) => ask('sequential', files),
    batched: (files, batch) => ask('batched', files, { batch_size: batch }),
    close() {
      child.kill('SIGKILL')
      return child.exited
    },
  }
}
