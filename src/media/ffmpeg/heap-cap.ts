/** How far the heap of one media job may grow. */
export const HEAP_CAP_BYTES = 256 * 1024 * 1024
