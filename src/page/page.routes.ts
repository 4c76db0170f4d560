import { Elysia } from 'elysia'
import { VerbatimError } from '../errors.ts'
import { preferredType } from '../http/headers/accept.ts'
import { addVary } from '../http/headers/vary.ts'
import type { Page, PageFile } from './page.ts'

export type PageRoutesServices = {
  /** Null: this process has no built page. */
  page: () => Promise<Page | null>
}

/** The views that a browser can open or reload; `web/app.tsx` renders them. */
const VIEWS = ['/', '/t/:id', '/settings', '/login', '/signup']

/** Files whose names browsers or the manifest expect to stay the same. */
const FIXED_NAMES = ['/icon.svg', '/icon-192.png', '/icon-512.png', '/manifest.webmanifest', '/sw.js']

/** The page stores tokens in localStorage, so it may run only its own scripts, and may call only its own host. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const DOCUMENT_HEADERS = {
  'Content-Security-Policy': POLICY,
  'Cache-Control': 'no-cache',
  // The microphone is for recordings.
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(self)',
  'Cross-Origin-Opener-Policy': 'same-origin',
}
const A_YEAR = 'public, max-age=31536000, immutable'

type Context = { request: Request; set: { headers: Record<string, string | number> } }

/**
 * Serves the page. A client that does not ask for HTML gets the same 404 as at any path without a route, so that
 * programs get JSON errors only.
 */
export function pageRoutes({ page }: PageRoutesServices) {
  async function builtPage(): Promise<Page> {
    const built = await page()
    if (!built) throw new VerbatimError('not_found', 'The page is not built: run npm run build:page')
    return built
  }

  async function document({ request, set }: Context) {
    addVary(set, 'Accept')
    const type = preferredType(request.headers.get('accept'), ['application/json', 'text/html'])
    if (type !== 'text/html') throw noRoute(request)
    const built = await builtPage()
    return fileResponse(built.document, built, { request, set, headers: DOCUMENT_HEADERS })
  }

  async function file({ request, set }: Context) {
    const built = await builtPage()
    const path = new URL(request.url).pathname.slice(1)
    const file = built.files.get(path)
    if (!file) throw noRoute(request)
    const cache = path.startsWith('assets/') ? A_YEAR : 'no-cache'
    return fileResponse(file, built, { request, set, headers: { 'Cache-Control': cache } })
  }

  const app = new Elysia({ detail: { hide: true } })
  for (const view of VIEWS) app.get(view, document)
  for (const path of ['/assets/:name', ...FIXED_NAMES]) app.get(path, file)
  return app
}

const noRoute = ({ url }: Request) =>
  new VerbatimError('not_found', `There is no route ${new URL(url).pathname}`)

function fileResponse(
  { type, gzip }: PageFile,
  { isCompressedByRuntime, hash }: Page,
  { request, set, headers }: Context & { headers: Record<string, string> },
): Response {
  addVary(set, 'Accept-Encoding')
  const takesGzip = /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '')
  // The encodings are different representations (RFC 9110 §8.8.3.3).
  const etag = `"${hash}${takesGzip ? '-gzip' : ''}"`
  const common = { ...headers, ETag: etag }
  if (request.headers.get('if-none-match')?.includes(etag)) {
    return new Response(null, { status: 304, headers: common })
  }
  const body =
    takesGzip && !isCompressedByRuntime
      ? gzip
      : new Blob([gzip]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Response(body, {
    headers: { ...common, 'Content-Type': type, ...(takesGzip && { 'Content-Encoding': 'gzip' }) },
  })
}
