/** What cannot be read, on a failing disk say, is not missing. */
export function orIfMissing<T>(value: T) {
  return (error: unknown): T => {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return value
    throw error
  }
}

/** Nothing has that name. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT')
}

/** No room on the disk, in the user's quota, or under the limit on a file's size. */
export function isFull(error: unknown): boolean {
  return hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')
}

function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code)
}
