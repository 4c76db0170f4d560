import { describe, expect, test } from 'bun:test'
import { parseHead } from '../../src/http/body/part-head.ts'

const headOf = (...lines: string[]) => parseHead(new TextEncoder().encode(lines.join('\r\n')))
const disposition = (parameters: string) => headOf(`Content-Disposition: form-data; ${parameters}`)

describe('file names as clients send them', () => {
  const names: [client: string, parameters: string, filename: string][] = [
    ['a browser', 'name="audio"; filename="a.wav"', 'a.wav'],
    ['raw UTF-8', 'name="audio"; filename="日本語 Übung.wav"', '日本語 Übung.wav'],
    ['semicolons and equals signs', 'name="audio"; filename="a;b=c.wav"', 'a;b=c.wav'],
    ['older curl, escaping quotes', 'name="audio"; filename="a\\"b.wav"', 'a"b.wav'],
    ['without quotes', 'name=audio; filename=a.wav', 'a.wav'],
    ['the name behind', 'filename="a.wav"; name="audio"', 'a.wav'],
    ['an empty one', 'name="audio"; filename=""', ''],
    ['RFC 8187', 'name="audio"; filename*=UTF-8\'\'na%C3%AFve.wav', 'naïve.wav'],
    ['RFC 8187 beside a plain one', 'name="audio"; filename="x"; filename*=utf-8\'en\'%E2%82%AC', '€'],
    ['RFC 8187, broken', 'name="audio"; filename="x"; filename*=UTF-8\'\'%E0%A4%A', 'x'],
  ]
  for (const [client, parameters, filename] of names) {
    test(client, () => {
      expect(disposition(parameters)).toEqual({ name: 'audio', filename, isFile: true })
    })
  }
})

test('a part without a file name is text, unless it says that it is bytes', () => {
  expect(disposition('name="language"')).toEqual({ name: 'language', filename: null, isFile: false })
  expect(
    headOf('content-type: application/octet-stream', 'CONTENT-DISPOSITION:form-data; name="audio"'),
  ).toEqual({
    name: 'audio',
    filename: null,
    isFile: true,
  })
})

test('what names no field is none', () => {
  expect(headOf('Content-Type: text/plain')).toBeNull()
  expect(disposition('filename="a.wav"')).toBeNull()
  expect(headOf('Content-Disposition: attachment; name="audio"')).toBeNull()
})

describe('a head that is hostile', () => {
  test.each([
    ['backslashes in a quote that nothing closes', `name="audio"; filename="${'\\'.repeat(8000)}`],
    ['backslashes before a quote', `name="audio"; filename="${'\\'.repeat(7999)}"`],
    ['quotes that nothing closes', `name="audio"${';f="'.repeat(1999)}`],
    ['names without values', `name="audio"${';a'.repeat(4000)}`],
    ['spaces', `name="audio";${' '.repeat(8000)}`],
  ])('%s: is read in a moment', (_, parameters) => {
    const before = process.cpuUsage()
    expect(disposition(parameters)?.name).toBe('audio')
    // Milliseconds; a backtracking regular expression takes years.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(1)
  })

  test('what nothing closes is a token, and what follows is read', () => {
    expect(disposition('name="audio"; filename="a; x=y')).toEqual({
      name: 'audio',
      filename: '"a',
      isFile: true,
    })
    expect(disposition('filename="a\\\\"; name="audio"')?.filename).toBe('a\\')
    expect(disposition('filename="a\\b"; name="audio"')?.filename).toBe('a\\b')
    expect(disposition('name = "audio" ; filename = a.wav ')?.filename).toBe('a.wav')
  })
})
