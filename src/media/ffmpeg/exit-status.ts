/**
 * Runs the core and gives its exit status: 1 where a hostile file drove it into a trap, out of stack or to an early exit.
 * What our own files and devices throw (a full disk, a recording that is too long) passes through.
 */
export function exitStatusOf(run: () => number): number {
  try {
    return run()
  } catch (error) {
    const trapped = error instanceof WebAssembly.RuntimeError || error instanceof RangeError
    // The core throws no Error of its own: an `ExitStatus` object, or a number for a C++ exception.
    if (!trapped && error instanceof Error) throw error
    return 1
  }
}
