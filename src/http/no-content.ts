import { ErrorBody } from './problems.ts'

/** The answer of what is done and has nothing to tell. */
export const noContent = () => new Response(null, { status: 204 })

/** For the document, of a route that answers so: what is done then, and the statuses of its problems. */
export function noContentOr(done: string, ...problems: (400 | 401 | 403 | 404 | 409 | 413 | 429)[]) {
  const problem = (status: number) => ({
    description: `Response for status ${status}`,
    content: { 'application/json': { schema: ErrorBody } },
  })
  return {
    204: { description: done },
    ...Object.fromEntries(problems.map((status) => [status, problem(status)])),
  }
}
