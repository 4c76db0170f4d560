/** Maximum heap of one media job. */
export const HEAP_CAP_BYTES = 256 * 1024 * 1024
