type Route = { method: string; path: string }

/**
 * The methods of all routes (`/things/:id`) that match a path, as `Allow` lists them. Empty if no route
 * matches.
 */
export function allowedMethods({ routes, path }: { routes: readonly Route[]; path: string }): string[] {
  const segments = segmentsOf(path)
  const methods = routes
    .filter((route) => matches(segmentsOf(route.path), segments))
    .map(({ method }) => method)
  // Elysia answers HEAD with the GET handler.
  return [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))]
}

/** Ignores a trailing slash, as routing does. */
const segmentsOf = (path: string) => path.replace(/\/$/, '').split('/')

function matches(pattern: string[], segments: string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every(
      (segment, index) => segment === segments[index] || (segment.startsWith(':') && segments[index] !== ''),
    )
  )
}
