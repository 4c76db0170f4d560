const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const OPEN = new Set([0x5b, 0x7b])
const CLOSE = new Set([0x5d, 0x7d])

/**
 * Whether a JSON text nests objects and arrays deeper than `levels`. Call it before the text is parsed: code
 * that walks a parsed value recursively overflows the stack, or takes quadratic time in the depth. It reads
 * each character once.
 */
export function isNestedDeeper(json: string, levels: number): boolean {
  let depth = 0
  let isText = false
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at)
    if (isText) {
      if (char === BACKSLASH) at++
      else if (char === QUOTE) isText = false
    } else if (char === QUOTE) isText = true
    else if (OPEN.has(char)) {
      depth++
      if (depth > levels) return true
    } else if (CLOSE.has(char)) depth--
  }
  return false
}
