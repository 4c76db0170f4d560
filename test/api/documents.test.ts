import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { ERRORS } from '../../src/http/openapi/statuses.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'

type Operation = {
  summary?: string
  security?: Record<string, string[]>[]
  responses: Record<string, unknown>
  requestBody?: { content: Record<string, unknown> }
}

type Document = { openapi: string; paths: Record<string, Record<string, Operation>> }

let service: TestService
let document: Document

beforeAll(async () => {
  service = await startService({ kind: embedded })
  document = await (await fetch(`${service.url}/swagger/json`)).json()
})
afterAll(() => service.close())

describe('the Swagger page', () => {
  for (const path of ['/swagger', '/swagger/']) {
    test(`${path} loads everything from this server`, async () => {
      const response = await fetch(service.url + path)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toStartWith('text/html')
      const page = await response.text()
      expect(page).not.toMatch(/(https?:)?\/\/[a-z]/i)
      const loaded = [...page.matchAll(/(?:href|src|url)"?[=:]\s*"([^"]+)"/g)].map(([, url = '']) => url)
      expect(loaded.length).toBe(3)
      for (const url of loaded) {
        const { status } = await fetch(new URL(url, service.url + path))
        expect({ url, status }).toEqual({ url, status: 200 })
      }
    })
  }

  test.each([
    ['swagger-ui.css', 'text/css', '.swagger-ui'],
    ['swagger-ui-bundle.js', 'text/javascript', 'SwaggerUIBundle'],
  ])('%s is an original file of Swagger UI', async (name, type, content) => {
    const response = await fetch(`${service.url}/swagger/assets/${name}`)
    expect(response.headers.get('content-type')).toStartWith(type)
    expect(await response.text()).toContain(content)
  })
})

describe('the OpenAPI document', () => {
  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
    )

  test('is valid OpenAPI 3.1', async () => {
    expect(document.openapi).toStartWith('3.1.')
    const { valid, errors } = await new Validator().validate(structuredClone(document))
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined })
  })

  test('lists every route except the documentation itself', () => {
    expect(operations().map(({ name }) => name)).toEqual([
      'post /api/auth/register',
      'post /api/auth/login',
      'post /api/auth/refresh',
      'post /api/auth/logout',
      'get /api/auth/me',
      'delete /api/auth/me',
      'post /api/auth/password',
      'post /api/auth/keys',
      'get /api/auth/keys',
      'delete /api/auth/keys/{id}',
      'post /api/transcribe',
      'put /api/transcribe',
      'get /api/transcriptions',
      'get /api/transcriptions/{id}',
      'delete /api/transcriptions/{id}',
      'get /api/transcriptions/{id}/events',
      'post /api/transcriptions/{id}/cancel',
      'get /api/transcriptions/{id}/waveform',
      'get /api/transcriptions/{id}/transcript',
      'get /api/transcriptions/{id}/audio',
      'patch /api/transcriptions/{id}/speakers',
      'post /api/voices',
      'get /api/voices',
      'delete /api/voices/{id}',
      'post /api/uploads',
      'head /api/uploads/{id}',
      'get /api/uploads/{id}',
      'patch /api/uploads/{id}',
      'delete /api/uploads/{id}',
      'post /api/webhooks',
      'get /api/webhooks',
      'get /api/webhooks/{id}',
      'patch /api/webhooks/{id}',
      'delete /api/webhooks/{id}',
      'post /api/webhooks/{id}/secret',
      'post /api/webhooks/{id}/test',
      'get /api/webhooks/{id}/deliveries',
      'post /api/webhooks/{id}/deliveries/{delivery}/replay',
      'get /api/admin/users',
      'post /api/admin/users',
      'patch /api/admin/users/{id}',
      'get /api/admin/usage',
      'post /api/admin/transcriptions/{id}/requeue',
      'post /v1/audio/transcriptions',
      'post /v1/audio/translations',
      'get /v1/models',
      'get /v1/models/{model}',
      'post /assemblyai/v2/upload',
      'post /assemblyai/v2/transcript',
      'get /assemblyai/v2/transcript',
      'get /assemblyai/v2/transcript/{id}',
      'delete /assemblyai/v2/transcript/{id}',
      'get /assemblyai/v2/transcript/{id}/sentences',
      'get /assemblyai/v2/transcript/{id}/paragraphs',
      'get /assemblyai/v2/transcript/{id}/srt',
      'get /assemblyai/v2/transcript/{id}/vtt',
      'post /deepgram/v1/listen',
      'get /api/info',
      'get /health/live',
      'get /health/ready',
      'get /metrics',
    ])
  })

  test('has a summary and the security of every route', () => {
    const open = ['register', 'login', 'refresh', 'logout', 'audio', 'info', 'live', 'ready', 'metrics']
    for (const { name, operation } of operations()) {
      expect({ name, summary: operation.summary }).toEqual({ name, summary: expect.stringMatching(/^[A-Z]/) })
      const isOpen = open.some((word) => name.endsWith(`/${word}`))
      expect({ name, isOpen: operation.security?.length === 0 }).toEqual({ name, isOpen })
      if (!isOpen) {
        const statuses = Object.keys(operation.responses)
        expect({ name, statuses }).toEqual({ name, statuses: expect.arrayContaining(['401', '403', '429']) })
      }
    }
  })

  test('a wrong method is refused with the allowed methods', async () => {
    for (const [path, told] of Object.entries(document.paths)) {
      const methods = Object.keys(told).map((method) => method.toUpperCase())
      const method = methods.includes('PUT') ? 'PATCH' : 'PUT'
      const { status, headers } = await fetch(service.url + path, { method })
      const allowed = headers.get('allow')?.split(', ')
      expect({ path, status, allowed }).toEqual({
        path,
        status: 405,
        allowed: expect.arrayContaining(methods),
      })
      expect(allowed).not.toContain(method)
    }
  })

  test('describes the request bodies', () => {
    const bodies = operations().map(({ operation }) => Object.keys(operation.requestBody?.content ?? {}))
    const others = bodies.flat().filter((type) => type !== 'application/json')
    expect(others).toEqual([
      'multipart/form-data',
      'audio/*',
      'multipart/form-data',
      'application/offset+octet-stream',
      'multipart/form-data',
      'multipart/form-data',
      'application/octet-stream',
      'audio/*',
    ])
  })

  test('has an example for each error status', () => {
    for (const { name, operation } of operations()) {
      for (const [status, response] of Object.entries(operation.responses)) {
        const {
          content,
        }: { content?: Record<string, { schema?: { title?: string; examples?: object[] } }> } =
          Object(response)
        const schema = content?.['application/json']?.schema
        if (schema?.title !== 'Error') continue
        const examples = Object.entries(ERRORS).flatMap(([known, { example }]) =>
          known === status ? [example] : [],
        )
        expect(examples).toHaveLength(1)
        expect({ name, status, examples: schema.examples }).toEqual({ name, status, examples })
      }
    }
  })

  test('describes every status, with an example of each JSON body', () => {
    type Schema = { examples?: unknown[]; anyOf?: Schema[] }
    const isShown = ({ examples = [], anyOf = [] }: Schema): boolean =>
      examples.length > 0 || anyOf.some(isShown)
    for (const { name, operation } of operations()) {
      for (const [status, response] of Object.entries(operation.responses)) {
        const {
          description,
          content = {},
        }: { description?: string; content?: Record<string, { schema: Schema }> } = Object(response)
        const said = description !== undefined && /^(?!Response for )./.test(description)
        expect({ name, status, said }).toEqual({ name, status, said: true })
        const json = content['application/json']
        const needsBody = status >= '400' && status !== '416' && !name.startsWith('head')
        if (!json && !needsBody) continue
        expect({ name, status, shown: json && isShown(json.schema) }).toEqual({ name, status, shown: true })
      }
    }
  })

  test('declares numeric query parameters as numbers', () => {
    const parameters = operations().flatMap(({ operation }) => Object(operation).parameters ?? [])
    const limit = parameters.find(({ name }: { name: string }) => name === 'limit')
    expect(limit.schema).toEqual({ type: 'integer', minimum: 1, maximum: 100, default: 20 })
    expect(JSON.stringify(parameters)).not.toContain('"format":"integer"')
  })

  test('refers to no other host', () => {
    const text = JSON.stringify(document)
    const hosts = [...text.matchAll(/https?:\/\/([^/"\s`]+)/g)].map(([, host]) => host)
    expect(new Set(hosts)).toEqual(new Set(['localhost:3000', 'example.com']))
  })
})
