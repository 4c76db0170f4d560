import { openapi } from '@elysiajs/openapi'
import { FormatRegistry } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { isUuid } from '../uuid.ts'
import { type Document, finished } from './document.ts'

/** Swagger UI's own files, served from here: the page works without any other host. */
export type SwaggerAssets = Record<'swagger-ui.css' | 'swagger-ui-bundle.js', { type: string; body: Blob }>

const swaggerUi = {
  theme: '/swagger/assets/swagger-ui.css',
  cdn: '/swagger/assets/swagger-ui-bundle.js',
  // The plugin's own is relative, and so wrong at `/swagger/`.
  url: '/swagger/json',
  // It would show the document to a host of its own.
  validatorUrl: 'none',
  autoDarkMode: false,
  persistAuthorization: true,
}

const SCHEME =
  'An access token (a JWT) or an API key. A key needs the scope `read` for GET and `write` for the rest. Routes that name the role `account` or `admin` take access tokens alone, `admin` those of administrators.'

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && 'paths' in value
}

/** The page at `/swagger`, the document at `/swagger/json`. */
export function docs({ assets, version }: { assets: SwaggerAssets; version: string }) {
  // The plugin sets one of its own that takes as long for each id as all else that is done for an answer.
  FormatRegistry.Set('uuid', isUuid)
  const page = openapi({
    path: '/swagger',
    specPath: '/swagger/json',
    provider: 'swagger-ui',
    swagger: swaggerUi,
    documentation: {
      info: {
        title: 'Verbatim',
        version,
        description:
          'Audio in, a transcript out. Register or log in, press **Authorize**, paste the `access_token` (or an API key), and try the rest.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [
        { name: 'Auth' },
        { name: 'Transcriptions' },
        { name: 'Uploads' },
        { name: 'Webhooks' },
        { name: 'OpenAI' },
        { name: 'Administration' },
        { name: 'Operations' },
      ],
      components: {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: SCHEME } },
      },
    },
  })
  const files = new Elysia({ prefix: '/swagger/assets', detail: { hide: true } })
  for (const [name, { type, body }] of Object.entries(assets)) {
    files.get(
      `/${name}`,
      () => new Response(body, { headers: { 'Content-Type': type, 'Cache-Control': 'max-age=86400' } }),
    )
  }
  return new Elysia({ name: 'docs' })
    .onAfterHandle(({ path, responseValue }) => {
      if (path === '/swagger/json' && isDocument(responseValue)) return finished(responseValue)
    })
    .use(page)
    .use(files)
}
