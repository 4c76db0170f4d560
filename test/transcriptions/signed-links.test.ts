import { afterEach, expect, setSystemTime, test } from 'bun:test'
import { nodeHmac } from '../../src/transcriptions/reading/node-hmac.ts'
import { createLinkSigner } from '../../src/transcriptions/reading/signed-links.ts'

const secret = 's'.repeat(32)
const PATH = '/api/transcriptions/4f/audio'
const NOON = new Date('2026-11-22T12:00:00Z')

afterEach(() => {
  setSystemTime()
})

/** The path and query of a link, as a route reads them. */
function partsOf(link: string) {
  const { pathname, searchParams } = new URL(link, 'http://localhost')
  return {
    path: pathname,
    expires: Number(searchParams.get('expires')),
    signature: searchParams.get('signature') ?? '',
  }
}

const after = (seconds: number) => new Date(NOON.getTime() + seconds * 1000)

test('a link is valid until it expires', () => {
  setSystemTime(NOON)
  const links = createLinkSigner({ hmac: nodeHmac, secrets: [secret], seconds: 60 })
  const parts = partsOf(links.sign(PATH))
  expect(parts.path).toBe(PATH)
  expect(links.verify(parts)).toBe(true)
  setSystemTime(after(59))
  expect(links.verify(parts)).toBe(true)
  setSystemTime(after(61))
  expect(links.verify(parts)).toBe(false)
})

test('a process with the same secret accepts the link; one with another secret does not', () => {
  const parts = partsOf(createLinkSigner({ hmac: nodeHmac, secrets: [secret] }).sign(PATH))
  expect(createLinkSigner({ hmac: nodeHmac, secrets: [secret] }).verify(parts)).toBe(true)
  expect(createLinkSigner({ hmac: nodeHmac, secrets: [`${secret}!`] }).verify(parts)).toBe(false)
})

test('a link opens only its own path, and only as it was signed', () => {
  const links = createLinkSigner({ hmac: nodeHmac, secrets: [secret] })
  const parts = partsOf(links.sign(PATH))
  const { expires, signature } = parts
  const flipped = (signature.startsWith('0') ? '1' : '0') + signature.slice(1)
  for (const tampered of [
    { path: '/api/transcriptions/5f/audio' },
    { path: `${PATH}/` },
    { expires: expires + 3600 },
    { expires: Number.NaN },
    { expires: Infinity },
    { signature: flipped },
    { signature: signature.slice(2) },
    { signature: `${signature}00` },
    { signature: '' },
    { signature: 'z'.repeat(64) },
    { path: `${PATH}\n${expires}`, expires },
  ]) {
    expect(links.verify({ ...parts, ...tampered })).toBe(false)
  }
})
