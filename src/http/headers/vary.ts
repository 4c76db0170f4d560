/** Adds a request header to `Vary` (RFC 9110 §12.5.5): the response depends on it. */
export function addVary({ headers }: { headers: Record<string, string | number> }, name: string): void {
  headers.vary = headers.vary === undefined ? name : `${headers.vary}, ${name}`
}
