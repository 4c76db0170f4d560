import { Elysia } from 'elysia'
import { VerbatimError } from '../errors.ts'
import { type Authenticator, BEARER, bearer, PUBLIC } from '../http/bearer.ts'
import { readPartial } from '../http/body/partial-body.ts'
import { noContent } from '../http/no-content.ts'
import { ErrorBody, MAY_REFUSE } from '../http/problems.ts'
import { chunkBody, UploadParams, UploadState, uploadHeaders } from './tus.schemas.ts'
import type { UploadState as State, TusService } from './tus.service.ts'

const VERSION = '1.0.0'
const EXTENSIONS = 'creation,creation-with-upload,termination,expiration'
const METADATA = '^[^\\s,]+( [A-Za-z0-9+/]+={0,2})?(,[^\\s,]+( [A-Za-z0-9+/]+={0,2})?)*$'
const PIECE = 'application/offset+octet-stream'

type Server = { timeout(request: Request, seconds: number): void } | null

/** The tus protocol, 1.0.0 (tus.io/protocols/resumable-upload). */
export function tusRoutes({ uploads, authenticator }: { uploads: TusService; authenticator: Authenticator }) {
  return new Elysia({ prefix: '/api/uploads', tags: ['Uploads'] })
    .onRequest(({ request, set }) => {
      // Of refusals too, which no later hook sees; it hears of every request there is.
      if (request.url.includes('/api/uploads')) set.headers['tus-resumable'] = VERSION
    })
    .use(discovery({ uploads }))
    .use(ownedRoutes({ uploads, authenticator }))
}

function discovery({ uploads }: { uploads: TusService }) {
  const detail = { hide: true, security: PUBLIC }
  const answer = () =>
    new Response(null, {
      status: 204,
      headers: {
        'Tus-Version': VERSION,
        'Tus-Extension': EXTENSIONS,
        'Tus-Max-Size': String(uploads.maxBytes),
      },
    })
  return new Elysia().options('', answer, { detail }).options('/:id', answer, { detail: { hide: true } })
}

function ownedRoutes({ uploads, authenticator }: { uploads: TusService; authenticator: Authenticator }) {
  async function append({
    request,
    ...keys
  }: {
    request: Request
    id: string
    userId: string
    offset: number
  }): Promise<State> {
    using chunk = await uploads.beginChunk(keys)
    const { maxBytes, store } = chunk
    // A complete upload takes no more bytes.
    if (maxBytes > 0) await readPartial({ request, maxBytes, store })
    return await chunk.commit()
  }

  const patch = async ({
    params: { id },
    request,
    userId,
    server,
  }: {
    params: { id: string }
    request: Request
    userId: string
    server: Server
  }) => {
    const { length } = await uploads.read({ id, userId })
    checkVersion(request)
    checkPiece(request)
    const offset = integerIn(request, 'upload-offset')
    if (offset > length) throw new VerbatimError('wrong_offset', 'The upload is not as long as that')
    // At the end of a large one its pieces are brought together.
    server?.timeout(request, 0)
    const state = await append({ request, id, userId, offset })
    return new Response(null, { status: 204, headers: headersOf(state) })
  }

  const remove = async ({
    params: { id },
    request,
    userId,
  }: {
    params: { id: string }
    request: Request
    userId: string
  }) => {
    await uploads.remove({ id, userId })
    checkVersion(request)
    return noContent()
  }

  return new Elysia({ detail: { security: BEARER } })
    .use(bearer({ authenticator }))
    .post(
      '',
      async ({ request, userId, server }) => {
        checkVersion(request)
        const isPiece = request.body !== null && request.headers.get('content-type') === PIECE
        const length = integerIn(request, 'upload-length')
        const metadata = request.headers.get('upload-metadata') ?? ''
        const made = await uploads.create({ userId, length, metadata })
        server?.timeout(request, 0)
        const state = isPiece ? await append({ request, id: made.id, userId, offset: 0 }) : made
        const headers = { ...headersOf(state), Location: `/api/uploads/${state.id}` }
        return new Response(null, { status: 201, headers })
      },
      {
        parse: 'none',
        detail: {
          summary: 'Begin an upload that can be gone on with',
          description:
            'By the tus protocol, for which there are clients in most languages: give them this address as the endpoint. `Upload-Metadata` takes `filename` and the fields of the form. When all of it is there it becomes a transcription, whose id the answer carries as `Transcription-Id`.',
          parameters: uploadHeaders([
            {
              name: 'Upload-Length',
              description: 'Bytes of the file',
              required: true,
              schema: { type: 'integer', minimum: 1 },
            },
            {
              name: 'Upload-Metadata',
              description: 'Pairs of a name and a value in base64, such as `language ZGU=`',
              schema: { type: 'string', pattern: METADATA },
            },
          ]),
          responses: {
            201: { description: 'It is begun, at the `Location`' },
            ...refusals(400, 401, 403, 409, 412, 413, 429, 502),
          },
        },
      },
    )
    .head(
      '/:id',
      async ({ params: { id }, request, userId, server }) => {
        server?.timeout(request, 0)
        const state = await uploads.read({ id, userId })
        checkVersion(request)
        return new Response(null, { headers: headersOf(state) })
      },
      {
        params: UploadParams,
        detail: {
          summary: 'Where an upload goes on',
          responses: {
            200: { description: 'At the `Upload-Offset`; with `Transcription-Id` once all of it is there' },
            ...refusals(401, 403, 404, 410, 412, 429),
          },
        },
      },
    )
    .get(
      '/:id',
      async ({ params: { id }, request, userId, server }) => {
        server?.timeout(request, 0)
        const { length, offset, transcriptionId, expiresAt } = await uploads.read({ id, userId })
        return { id, length, offset, transcription_id: transcriptionId, expires_at: expiresAt.toISOString() }
      },
      {
        params: UploadParams,
        response: { 200: UploadState, ...MAY_REFUSE, 404: ErrorBody, 410: ErrorBody },
        detail: { summary: 'How far an upload is, and the transcription that it has become' },
      },
    )
    .patch('/:id', patch, {
      parse: 'none',
      params: UploadParams,
      detail: {
        summary: 'Go on with an upload',
        description:
          'What came of a body that breaks off counts. The answer to the last piece carries `Transcription-Id`, or says as `/api/transcribe` does why the audio is refused.',
        parameters: uploadHeaders([
          {
            name: 'Upload-Offset',
            description: 'Bytes that are there',
            required: true,
            schema: { type: 'integer', minimum: 0 },
          },
        ]),
        requestBody: chunkBody,
        responses: {
          204: { description: 'It is here, up to the `Upload-Offset`' },
          ...refusals(400, 401, 403, 404, 409, 410, 412, 413, 415, 429, 500, 502, 503, 507),
        },
      },
    })
    .delete('/:id', remove, {
      params: UploadParams,
      detail: {
        summary: 'Give an upload up',
        description: 'What is there of it is removed. A transcription that it has become stays.',
        responses: { 204: { description: 'It is gone' }, ...refusals(401, 403, 404, 410, 412, 429) },
      },
    })
    .post(
      '/:id',
      // For clients behind what lets no PATCH or DELETE through.
      (context) => {
        const method = context.request.headers.get('x-http-method-override')
        if (method === 'PATCH') return patch(context)
        if (method === 'DELETE') return remove(context)
        throw new VerbatimError(
          'method_not_allowed',
          'An upload takes POST with X-HTTP-Method-Override alone, for PATCH or DELETE',
        )
      },
      { parse: 'none', params: UploadParams, detail: { hide: true } },
    )
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

/** Clients that say nothing are taken to know what they do. */
function checkVersion({ headers }: Request): void {
  const version = headers.get('tus-resumable')
  if (version !== null && version !== VERSION) {
    throw new VerbatimError('unsupported_version', `Tus-Resumable takes ${VERSION}`)
  }
}

function checkPiece({ headers }: Request): void {
  if (headers.get('content-type') !== PIECE) {
    throw new VerbatimError('unsupported_type', `A piece is sent with Content-Type: ${PIECE}`)
  }
}

function integerIn({ headers }: Request, name: string): number {
  const text = headers.get(name) ?? ''
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new VerbatimError(
    'validation',
    `${name} is ${JSON.stringify(text.slice(0, 40))}; it takes a number of bytes`,
  )
}

const REFUSALS = {
  400: 'A header is not valid, or the audio cannot be read',
  401: 'No valid token',
  403: 'The API key may not do this',
  404: 'There is none of this id',
  409: 'It goes on at another offset, or there are too many',
  410: 'It has expired',
  412: 'Another version of tus',
  413: 'Larger than this server takes, longer, or more than you may store',
  415: 'No audio, or no piece of an upload',
  429: 'Too many requests, or more than you may have at a time or on a day: ask for it again',
  500: 'A defect',
  502: 'The host of its webhook_url is not found',
  503: 'It cannot be looked at now: ask for it again',
  507: 'There is no room left',
}

const refusals = (...statuses: (keyof typeof REFUSALS)[]) =>
  Object.fromEntries(statuses.map((status) => [status, { description: REFUSALS[status] }]))
