import { Elysia } from 'elysia'
import { quoted, VerbatimError } from '../errors.ts'
import { type Authenticator, BEARER, bearer, PUBLIC } from '../http/bearer.ts'
import { readPartial } from '../http/body/partial-body.ts'
import { noContent } from '../http/no-content.ts'
import { errorSchemas } from '../http/openapi/statuses.ts'
import {
  appendDetail,
  CHUNK_TYPE,
  createDetail,
  deleteDetail,
  offsetDetail,
  stateDetail,
  UploadParams,
  UploadState,
} from './tus.schemas.ts'
import type { UploadState as State, TusService } from './tus.service.ts'

const VERSION = '1.0.0'
const EXTENSIONS = 'creation,creation-with-upload,termination,expiration'

type Services = { uploads: TusService; authenticator: Authenticator }

type Context = {
  params: { id: string }
  request: Request
  userId: string
  server: { timeout(request: Request, seconds: number): void } | null
}

/** The tus protocol, 1.0.0 (tus.io/protocols/resumable-upload). */
export function tusRoutes({ uploads, authenticator }: Services) {
  return new Elysia({ prefix: '/api/uploads', tags: ['Uploads'] })
    .onRequest(({ request, set }) => {
      // Errors need the header too, and no later hook runs for each of them. This hook runs for every request
      // of the app.
      if (request.url.includes('/api/uploads')) set.headers['tus-resumable'] = VERSION
    })
    .use(discoveryRoutes({ uploads }))
    .use(ownedRoutes({ uploads, authenticator }))
}

function discoveryRoutes({ uploads }: Pick<Services, 'uploads'>) {
  const options = () =>
    new Response(null, {
      status: 204,
      headers: {
        'Tus-Version': VERSION,
        'Tus-Extension': EXTENSIONS,
        'Tus-Max-Size': String(uploads.maxBytes),
      },
    })
  return new Elysia()
    .options('', options, { detail: { hide: true, security: PUBLIC } })
    .options('/:id', options, { detail: { hide: true } })
}

function ownedRoutes({ uploads, authenticator }: Services) {
  const { create, state, offset, append, remove } = handlers(uploads)
  return new Elysia({ detail: { security: BEARER } })
    .use(bearer({ authenticator }))
    .post('', create, { parse: 'none', detail: createDetail })
    .head('/:id', offset, { params: UploadParams, detail: offsetDetail })
    .get('/:id', state, {
      params: UploadParams,
      response: { 200: UploadState, ...errorSchemas(401, 403, 404, 410, 429, 503) },
      detail: stateDetail,
    })
    .patch('/:id', append, { parse: 'none', params: UploadParams, detail: appendDetail })
    .delete('/:id', remove, { params: UploadParams, detail: deleteDetail })
    .post(
      '/:id',
      // For clients behind proxies that refuse PATCH and DELETE.
      (context) => {
        const method = context.request.headers.get('x-http-method-override')
        if (method === 'PATCH') return append(context)
        if (method === 'DELETE') return remove(context)
        throw new VerbatimError(
          'method_not_allowed',
          'POST to an upload takes X-HTTP-Method-Override: PATCH or DELETE',
        )
      },
      { parse: 'none', params: UploadParams, detail: { hide: true } },
    )
}

function handlers(uploads: TusService) {
  /** Appends the request's body at `offset`. */
  async function appendBody(
    request: Request,
    keys: { id: string; userId: string; offset: number },
  ): Promise<State> {
    using chunk = await uploads.beginChunk(keys)
    const { maxBytes, store } = chunk
    // A complete upload takes no more bytes.
    if (maxBytes > 0) await readPartial({ request, maxBytes, store })
    return await chunk.commit()
  }

  return {
    async create({ request, userId, server }: Omit<Context, 'params'>) {
      checkVersion(request)
      const hasChunk = request.body !== null && request.headers.get('content-type') === CHUNK_TYPE
      const length = integerIn(request, 'upload-length')
      const metadata = request.headers.get('upload-metadata') ?? ''
      const created = await uploads.create({ userId, length, metadata })
      server?.timeout(request, 0)
      const state = hasChunk ? await appendBody(request, { id: created.id, userId, offset: 0 }) : created
      const headers = { ...headersOf(state), Location: `/api/uploads/${state.id}` }
      return new Response(null, { status: 201, headers })
    },

    async offset({ params: { id }, request, userId, server }: Context) {
      // Finishing a large upload copies all of it.
      server?.timeout(request, 0)
      const state = await uploads.read({ id, userId })
      checkVersion(request)
      return new Response(null, { headers: headersOf(state) })
    },

    async state({ params: { id }, request, userId, server }: Context) {
      server?.timeout(request, 0)
      const { length, offset, transcriptionId, expiresAt } = await uploads.read({ id, userId })
      return { id, length, offset, transcription_id: transcriptionId, expires_at: expiresAt.toISOString() }
    },

    async append({ params: { id }, request, userId, server }: Context) {
      const { length } = await uploads.read({ id, userId })
      checkVersion(request)
      checkChunkType(request)
      const offset = integerIn(request, 'upload-offset')
      if (offset > length) {
        throw new VerbatimError('wrong_offset', `Upload-Offset is ${offset}; the upload has ${length} bytes`)
      }
      server?.timeout(request, 0)
      const state = await appendBody(request, { id, userId, offset })
      return new Response(null, { status: 204, headers: headersOf(state) })
    },

    async remove({ params: { id }, request, userId }: Context) {
      await uploads.remove({ id, userId })
      checkVersion(request)
      return noContent()
    },
  }
}

function headersOf({ offset, length, metadata, expiresAt, transcriptionId }: State): Record<string, string> {
  return {
    'Cache-Control': 'no-store',
    'Upload-Offset': String(offset),
    'Upload-Length': String(length),
    'Upload-Expires': expiresAt.toUTCString(),
    ...(metadata && { 'Upload-Metadata': metadata }),
    ...(transcriptionId && { 'Transcription-Id': transcriptionId }),
  }
}

/** A request without Tus-Resumable is accepted, so that plain HTTP clients can upload. */
function checkVersion({ headers }: Request): void {
  const version = headers.get('tus-resumable')
  if (version !== null && version !== VERSION) {
    throw new VerbatimError('unsupported_version', `Tus-Resumable is ${quoted(version)}; it takes ${VERSION}`)
  }
}

function checkChunkType({ headers }: Request): void {
  const type = headers.get('content-type')
  if (type === CHUNK_TYPE) return
  throw new VerbatimError(
    'unsupported_type',
    `Content-Type is ${quoted(type ?? '')}; send a chunk with Content-Type: ${CHUNK_TYPE}`,
  )
}

function integerIn({ headers }: Request, name: string): number {
  const text = headers.get(name) ?? ''
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new VerbatimError('validation', `${name} is ${quoted(text)}; it takes a number of bytes`)
}
