import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { transcriptions } from '../../src/db/schema.ts'
import { nodeHmac } from '../../src/transcriptions/reading/node-hmac.ts'
import { createLinkSigner } from '../../src/transcriptions/reading/signed-links.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { SECRET, startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'

let service: TestService
let ada: Client
let original: Uint8Array<ArrayBuffer>

beforeAll(async () => {
  service = await startService({ kind: embedded })
  const anyone = clientOf(service.url)
  ada = anyone.as(await anyone.newToken())
  original = await fixture('speech.mp3').bytes()
})
afterAll(() => service.close())

async function uploaded(filename = 'speech.mp3') {
  const id = textAt((await ada.upload(fixture('speech.mp3'), {}, filename)).body, 'transcription_id')
  return { id, link: textAt((await ada.ask(`/api/transcriptions/${id}/`)).body, 'audio_file') }
}

async function get(link: string, range?: string) {
  const response = await fetch(link, range === undefined ? {} : { headers: { range } })
  return { status: response.status, headers: response.headers, bytes: await response.bytes() }
}

test('a link returns the original, byte for byte, without a token', async () => {
  const { link } = await uploaded()
  const { status, headers, bytes } = await get(link)
  expect(status).toBe(200)
  expect(bytes).toEqual(original)
  expect(headers.toJSON()).toMatchObject({
    'content-type': 'audio/mpeg',
    'content-length': String(original.length),
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    'cache-control': 'private',
    'content-disposition': "inline; filename*=UTF-8''speech.mp3",
  })
})

describe('range requests', () => {
  let link: string
  beforeAll(async () => {
    link = (await uploaded()).link
  })

  const SIZE = 43_436
  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=1000-1999', 1000, 2000],
    ['bytes=43000-', 43_000, SIZE],
    ['bytes=43000-99999', 43_000, SIZE],
    ['bytes=-100', SIZE - 100, SIZE],
  ])('%s', async (range, start, end) => {
    const { status, headers, bytes } = await get(link, range)
    expect(status).toBe(206)
    expect(headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${SIZE}`)
    expect(headers.get('content-length')).toBe(String(end - start))
    expect(bytes).toEqual(original.slice(start, end))
  })

  test('a range after the end is refused with 416 and the size', async () => {
    const { status, headers, bytes } = await get(link, `bytes=${SIZE}-`)
    expect(status).toBe(416)
    expect(headers.get('content-range')).toBe(`bytes */${SIZE}`)
    expect(bytes).toHaveLength(0)
  })

  test('a request without a single valid range gets the whole file', async () => {
    const { status, bytes } = await get(link, 'bytes=0-1,5-6')
    expect({ status, length: bytes.length }).toEqual({ status: 200, length: SIZE })
  })
})

describe('conditional requests', () => {
  let link: string
  let etag: string
  beforeAll(async () => {
    link = (await uploaded()).link
    etag = (await get(link)).headers.get('etag') ?? ''
  })
  const asked = async (headers: Record<string, string>) => {
    const response = await fetch(link, { headers })
    return {
      status: response.status,
      etag: response.headers.get('etag'),
      bytes: (await response.bytes()).length,
    }
  }

  test('the entity tag depends on the bytes', async () => {
    expect(etag).toBe(`"${new Bun.CryptoHasher('sha256').update(original).digest('hex')}"`)
    expect((await get((await uploaded()).link)).headers.get('etag')).toBe(etag)
  })

  test('If-None-Match with the current tag is answered with 304', async () => {
    const unchanged = { status: 304, etag, bytes: 0 }
    for (const value of [etag, `"other", W/${etag}`, '*']) {
      expect(await asked({ 'if-none-match': value })).toEqual(unchanged)
    }
    expect(await asked({ 'if-none-match': '"other"' })).toEqual({ status: 200, etag, bytes: original.length })
  })

  test('If-Range with another tag gets the whole file', async () => {
    const range = 'bytes=10-19'
    expect(await asked({ range, 'if-range': etag })).toEqual({ status: 206, etag, bytes: 10 })
    expect(await asked({ range, 'if-range': '"other"' })).toEqual({
      status: 200,
      etag,
      bytes: original.length,
    })
  })
})

test('removed audio is answered with 410, and the status has no link', async () => {
  const { id, link } = await uploaded()
  await service.db.update(transcriptions).set({ audioRemovedAt: new Date() }).where(eq(transcriptions.id, id))
  const response = await fetch(link)
  expect({ status: response.status, body: await response.json() }).toEqual({
    status: 410,
    body: { error: 'The audio was removed; its transcript is kept', code: 'audio_removed' },
  })
  expect((await ada.ask(`/api/transcriptions/${id}`)).body).toMatchObject({ audio_file: null })
})

describe('a link is refused', () => {
  const refused = {
    status: 404,
    body: {
      error: 'This audio link is invalid or has expired: read the transcription again for a new one',
      code: 'not_found',
    },
  }
  const askedFor = async (link: string) => {
    const response = await fetch(link)
    return { status: response.status, body: await response.json() }
  }
  const changed = (link: string, name: string, change: (value: string) => string) => {
    const url = new URL(link)
    url.searchParams.set(name, change(url.searchParams.get(name) ?? ''))
    return url.href
  }
  const flipped = (hex: string) => (hex.startsWith('0') ? '1' : '0') + hex.slice(1)

  test('with a wrong, short, long or non-hexadecimal signature', async () => {
    const { link } = await uploaded()
    for (const change of [
      flipped,
      (hex: string) => hex.slice(2),
      (hex: string) => `${hex}00`,
      () => 'x'.repeat(64),
      () => '',
    ]) {
      expect(await askedFor(changed(link, 'signature', change))).toEqual(refused)
    }
  })

  test('with another expiry', async () => {
    const { link } = await uploaded()
    for (const seconds of [1, -5, 3600]) {
      expect(await askedFor(changed(link, 'expires', (text) => String(Number(text) + seconds)))).toEqual(
        refused,
      )
    }
  })

  test('for another or an unknown transcription', async () => {
    const [first, second] = [await uploaded(), await uploaded()]
    expect(await askedFor(first.link.replace(first.id, second.id))).toEqual(refused)
    const gone = crypto.randomUUID()
    const signed = createLinkSigner({ hmac: nodeHmac, secrets: [SECRET] }).sign(
      `/api/transcriptions/${gone}/audio`,
    )
    expect(await askedFor(service.url + signed)).toEqual(refused)
  })

  test('once expired, or signed with another secret', async () => {
    const { id } = await uploaded()
    const path = `/api/transcriptions/${id}/audio`
    const expired = createLinkSigner({ hmac: nodeHmac, secrets: [SECRET], seconds: -1 }).sign(path)
    const foreign = createLinkSigner({ hmac: nodeHmac, secrets: [`${SECRET}!`] }).sign(path)
    expect(await askedFor(service.url + expired)).toEqual(refused)
    expect(await askedFor(service.url + foreign)).toEqual(refused)
  })

  test('without its query, also with a token', async () => {
    const { id } = await uploaded()
    const bare = await ada.ask(`/api/transcriptions/${id}/audio`)
    expect(bare).toMatchObject({ status: 400, body: { code: 'validation' } })
    const words = await ada.ask(`/api/transcriptions/${id}/audio?expires=soon&signature=x`)
    expect(words).toMatchObject({ status: 400, body: { code: 'validation' } })
  })
})

describe('file names in Content-Disposition', () => {
  test.each([
    ['a"; filename=evil.exe', 'a%22%3B%20filename%3Devil.exe'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\music\\a.mp3', 'a.mp3'],
    ['日本語 (1)*.mp3', '%E6%97%A5%E6%9C%AC%E8%AA%9E%20%281%29%2A.mp3'],
    ["it's 100 %.mp3", 'it%27s%20100%20%25.mp3'],
    ['<script>alert(1)</script>.html', 'script%3E.html'],
  ])('%s', async (filename, encoded) => {
    const { link } = await uploadedRaw(filename)
    const { headers } = await get(link)
    expect(headers.get('content-disposition')).toBe(`inline; filename*=UTF-8''${encoded}`)
    expect(headers.get('content-type')).toBe('audio/mpeg')
  })

  test('a line end starts no header, and NUL is not a defect', async () => {
    const { link } = await uploadedRaw('a\0b%0D%0ASet-Cookie: x=1')
    const { headers } = await get(link)
    expect(headers.get('set-cookie')).toBeNull()
    expect(service.logged).toEqual([])
  })
})

/** Sends the file name unencoded, with backslash-escaped quotes; `FormData` would encode more. */
async function uploadedRaw(filename: string) {
  const quoted = filename.replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  const body = new Blob([
    `--b\r\nContent-Disposition: form-data; name="audio"; filename="${quoted}"\r\n\r\n`,
    original,
    '\r\n--b--\r\n',
  ])
  const { body: answer } = await ada.ask('/api/transcribe', {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body,
  })
  const id = textAt(answer, 'transcription_id')
  return { id, link: textAt((await ada.ask(`/api/transcriptions/${id}/`)).body, 'audio_file') }
}
