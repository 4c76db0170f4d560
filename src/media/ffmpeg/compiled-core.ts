import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { VerbatimError } from '../../errors.ts'

/**
 * Compiles the decoder (0.4 s, off the main thread). Throws `media_unavailable` if its package is not
 * installed.
 */
export async function compileCore(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readCore())
}

async function readCore(): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(fileURLToPath(import.meta.resolve('@ffmpeg/core/wasm'))))
  } catch (cause) {
    throw new VerbatimError(
      'media_unavailable',
      'The audio decoder is not installed: run "npm install --include=optional" and restart the service.',
      { cause },
    )
  }
}
