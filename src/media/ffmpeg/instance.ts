/** Names of the exports of `@ffmpeg/core` 0.12. */
const MEMORY = 'ra'
const STACK_SAVE = 'Da'
const STACK_RESTORE = 'Ea'

const CHUNK_BYTES = 256 * 1024
const ZEROS = new Uint8Array(CHUNK_BYTES)

/** The instance of the current file, and the one that the next file may use. */
let current: Instance | null = null
let kept: Instance | null = null

/**
 * A new instance of the decoder, or the kept one. Most of the time of a new one is spent by the system, which clears
 * each page of its memory. The kept one is as it was before its constructors ran: what a module can change is its
 * memory, its stack pointer and a register for results, and the functions that it imports are those of `imports`.
 */
export async function openInstance(
  module: WebAssembly.Module,
  imports: WebAssembly.Imports,
): Promise<WebAssembly.Instance> {
  const reused = kept
  kept = null
  if (reused) {
    reused.reset()
    reused.link(imports)
  }
  current = reused ?? (await createInstance(module, imports))
  return current.instance
}

/** Keeps the instance for the next file, unless its memory has grown. */
export function keepInstance(): void {
  kept = current?.hasGrown() ? null : current
  current = null
}

type Instance = Awaited<ReturnType<typeof createInstance>>

async function createInstance(module: WebAssembly.Module, imports: WebAssembly.Imports) {
  let linked = imports
  const instance = await WebAssembly.instantiate(
    module,
    forwarded(imports, () => linked),
  )
  const memory = instance.exports[MEMORY]
  if (!(memory instanceof WebAssembly.Memory)) throw new Error(`the decoder has no memory ${MEMORY}`)
  const stack = stackOf(instance)
  const { byteLength } = memory.buffer
  const content = memory.buffer.slice(0, endOfContent(memory.buffer, 0))

  return {
    instance,
    link(next: WebAssembly.Imports): void {
      linked = next
    },
    hasGrown: () => memory.buffer.byteLength > byteLength,
    reset(): void {
      const bytes = new Uint8Array(memory.buffer)
      bytes.fill(0, content.byteLength, endOfContent(memory.buffer, content.byteLength))
      bytes.set(new Uint8Array(content))
      stack.reset()
    },
  }
}

/** Functions that call those of the imports that are linked by then. */
function forwarded(imports: WebAssembly.Imports, linked: () => WebAssembly.Imports): WebAssembly.Imports {
  const forward =
    (space: string, name: string) =>
    (...values: unknown[]) => {
      const target = linked()[space]?.[name]
      if (typeof target !== 'function') throw new Error(`the decoder imports no function ${name}`)
      return target(...values)
    }
  return Object.fromEntries(
    Object.entries(imports).map(([space, table]) => [
      space,
      Object.fromEntries(
        Object.entries(table).map(([name, value]) => [
          name,
          typeof value === 'function' ? forward(space, name) : value,
        ]),
      ),
    ]),
  )
}

/**
 * A position after which all bytes are zero, not before `start`. Reads from the end, in which no pages were used: the
 * system has none for them.
 */
function endOfContent(buffer: ArrayBuffer, start: number): number {
  const bytes = Buffer.from(buffer)
  let end = bytes.length
  while (end > start) {
    const from = Math.max(start, end - CHUNK_BYTES)
    if (bytes.compare(ZEROS, 0, end - from, from, end) !== 0) return end
    end = from
  }
  return start
}

function stackOf({ exports }: WebAssembly.Instance): { reset(): void } {
  const [save, restore] = [exports[STACK_SAVE], exports[STACK_RESTORE]]
  if (typeof save !== 'function' || typeof restore !== 'function') throw noStack()
  const start = save()
  // Another release of the core may use other names.
  restore(start - 16)
  if (save() !== start - 16) throw noStack()
  restore(start)
  return { reset: () => restore(start) }
}

const noStack = () => new Error(`the decoder’s stack is not ${STACK_SAVE} and ${STACK_RESTORE}`)
