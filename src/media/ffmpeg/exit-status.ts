/**
 * Runs the core and returns its exit status: 1 if a hostile file caused a trap, a stack overflow or an early
 * exit. Errors of our own devices (a full disk, a recording that is too long) are thrown.
 */
export function exitStatusOf(run: () => number): number {
  try {
    return run()
  } catch (error) {
    const isTrap = error instanceof WebAssembly.RuntimeError || error instanceof RangeError
    // The core itself throws no `Error`, but an `ExitStatus` object, or a number for a C++ exception.
    if (!isTrap && error instanceof Error) throw error
    return 1
  }
}
