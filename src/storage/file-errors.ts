/**
 * For `catch`: returns `value` if the file does not exist. Other errors, such as those of a failing disk, are
 * thrown.
 */
export function orIfMissing<T>(value: T) {
  return (error: unknown): T => {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return value
    throw error
  }
}

export function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT')
}

/** The disk is full, the user's quota is used up, or the file would exceed the limit on its size. */
export function isFull(error: unknown): boolean {
  return hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')
}

function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code)
}
