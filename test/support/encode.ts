import { compileCore } from '../../src/media/ffmpeg/compiled-core.ts'

/** A recording that ffmpeg makes: of the input files `from`, with these arguments of the output. */
export type Recording = { name: string; from: Uint8Array[]; args: string[] }

export type EncodeOrder = { module: WebAssembly.Module; recordings: Recording[] }

type NamedFile = { name: string; bytes: Uint8Array<ArrayBuffer> }

/** `failed`: the recordings that could not be made, with the reason. */
export type Encoded = { files: NamedFile[]; failed: string[] }

let compiled: Promise<WebAssembly.Module> | undefined

/** Makes recordings; the result is the same on every machine. */
export async function encode(recordings: Recording[]): Promise<Encoded> {
  const worker = new Worker(new URL('./encode-worker.ts', import.meta.url))
  const answer = Promise.withResolvers<Encoded>()
  worker.addEventListener('message', ({ data }: MessageEvent<Encoded>) => answer.resolve(data))
  worker.addEventListener('error', ({ message }) => answer.reject(new Error(message)))
  compiled ??= compileCore()
  worker.postMessage({ module: await compiled, recordings } satisfies EncodeOrder)
  try {
    return await answer.promise
  } finally {
    worker.terminate()
  }
}

/** Makes one recording. */
export async function encodeOne(from: Uint8Array[], args: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const { files, failed } = await encode([{ name: 'recording', from, args }])
  const [file] = files
  if (!file) throw new Error(failed.join('; '))
  return file.bytes
}
