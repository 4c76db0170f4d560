type Route = { method: string; path: string }

/** The methods that routes (`/things/:id`) take at a path, as `Allow` lists them; none where there is no such path. */
export function allowedMethods({ routes, path }: { routes: readonly Route[]; path: string }): string[] {
  const parts = partsOf(path)
  const methods = routes.filter((route) => matches(partsOf(route.path), parts)).map(({ method }) => method)
  // What answers a GET answers a HEAD as well.
  return [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))]
}

/** With or without a slash at its end, a path is the same. */
const partsOf = (path: string) => path.replace(/\/$/, '').split('/')

function matches(pattern: string[], parts: string[]): boolean {
  return (
    pattern.length === parts.length &&
    pattern.every((one, index) => one === parts[index] || (one.startsWith(':') && parts[index] !== ''))
  )
}
