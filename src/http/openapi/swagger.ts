import { openapi } from '@elysiajs/openapi'
import { FormatRegistry } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { isUuid } from '../../uuid.ts'
import { completeDocument, type Document } from './document.ts'
import { PAGE, PAGE_POLICY, START_SCRIPT } from './swagger-page.ts'

/** Swagger UI's files, which this service serves, so that the page needs no other host. */
export type SwaggerAssets = Record<'swagger-ui.css' | 'swagger-ui-bundle.js', { type: string; body: Blob }>

const SCHEME =
  'An access token (a JWT) or an API key. A key needs the scope `read` for GET and `write` for the rest. Routes with the role `account` or `admin` require an access token; `admin` requires an administrator’s.'

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && 'paths' in value
}

/** Serves Swagger UI at `/swagger` and the OpenAPI document at `/swagger/json`. */
export function swagger({ assets, version }: { assets: SwaggerAssets; version: string }) {
  // The plugin registers a check that takes as long per id as the rest of a response.
  FormatRegistry.Set('uuid', isUuid)
  const document = openapi({
    specPath: '/swagger/json',
    // The plugin's page has an inline script, which the Content-Security-Policy forbids.
    provider: null,
    documentation: {
      info: {
        title: 'Verbatim',
        version,
        description:
          'Upload audio and get a transcript. To try the routes, register or log in, press **Authorize**, and paste the `access_token` or an API key.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [
        { name: 'Auth' },
        { name: 'Transcriptions' },
        { name: 'Uploads' },
        { name: 'Webhooks' },
        { name: 'OpenAI' },
        { name: 'AssemblyAI' },
        { name: 'Deepgram' },
        { name: 'Administration' },
        { name: 'Operations' },
      ],
      components: {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: SCHEME } },
      },
    },
  })
  const files = new Elysia({ prefix: '/swagger/assets', detail: { hide: true } })
  const start = { type: 'text/javascript', body: new Blob([START_SCRIPT]) }
  for (const [name, { type, body }] of Object.entries({ ...assets, 'start.js': start })) {
    files.get(
      `/${name}`,
      () => new Response(body, { headers: { 'Content-Type': type, 'Cache-Control': 'max-age=86400' } }),
    )
  }
  const page = new Elysia({ detail: { hide: true } }).get(
    '/swagger',
    () =>
      new Response(PAGE, {
        headers: { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': PAGE_POLICY },
      }),
  )
  return new Elysia({ name: 'docs' })
    .onAfterHandle(({ path, responseValue }) => {
      const isOwnDocument = path === '/swagger/json' && isDocument(responseValue)
      return isOwnDocument ? completeDocument(responseValue) : undefined
    })
    .use(document)
    .use(page)
    .use(files)
}
