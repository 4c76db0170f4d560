import { describe, expect, test } from 'bun:test'
import { filenameIn, parseHead } from '../../src/http/body/part-head.ts'

const headOf = (...lines: string[]) => parseHead(new TextEncoder().encode(lines.join('\r\n')))
const disposition = (parameters: string) => headOf(`Content-Disposition: form-data; ${parameters}`)

describe('a filename is parsed from', () => {
  const names: [client: string, parameters: string, filename: string][] = [
    ['a browser', 'name="audio"; filename="a.wav"', 'a.wav'],
    ['a head in raw UTF-8', 'name="audio"; filename="日本語 Übung.wav"', '日本語 Übung.wav'],
    ['a name with semicolons and equals signs', 'name="audio"; filename="a;b=c.wav"', 'a;b=c.wav'],
    ['older curl, which escapes quotes', 'name="audio"; filename="a\\"b.wav"', 'a"b.wav'],
    ['parameters without quotes', 'name=audio; filename=a.wav', 'a.wav'],
    ['a head with the field name last', 'filename="a.wav"; name="audio"', 'a.wav'],
    ['an empty filename', 'name="audio"; filename=""', ''],
    ['RFC 8187', 'name="audio"; filename*=UTF-8\'\'na%C3%AFve.wav', 'naïve.wav'],
    ['RFC 8187 beside a plain filename', 'name="audio"; filename="x"; filename*=utf-8\'en\'%E2%82%AC', '€'],
    ['RFC 8187 in Latin-1', 'name="audio"; filename*=ISO-8859-1\'de\'%DCbung.wav', 'Übung.wav'],
    [
      'a browser, which escapes quotes and line breaks',
      'name="audio"; filename="a%22b%22%0D%0a.wav"',
      'a"b"\r\n.wav',
    ],
    ['a name with other percent signs', 'name="audio"; filename="100%25 %7e.wav"', '100%25 %7e.wav'],
    ['RFC 2047 in base64', 'name="audio"; filename="=?UTF-8?B?w5xidW5nIDEubXAz?="', 'Übung 1.mp3'],
    [
      'RFC 2047 in Latin-1 and two words',
      'name="audio"; filename="=?iso-8859-1?q?=DCb_?= =?utf-8?Q?ung=E2=82=AC.mp3?="',
      'Üb ung€.mp3',
    ],
    ['RFC 2047 in an unknown charset', 'name="audio"; filename="=?x-none?q?a?="', '=?x-none?q?a?='],
    ['RFC 2047 in invalid base64', 'name="audio"; filename="=?utf-8?b?%?="', '=?utf-8?b?%?='],
    ['invalid RFC 8187', 'name="audio"; filename="x"; filename*=UTF-8\'\'%E0%A4%A', 'x'],
  ]
  for (const [client, parameters, filename] of names) {
    test(client, () => {
      expect(disposition(parameters)).toEqual({ name: 'audio', filename, type: '', isFile: true })
    })
  }
})

test('a Content-Disposition header of HTTP may be in UTF-8 or Latin-1', () => {
  const latin1 = (text: string) => Buffer.from(text).toString('latin1')
  expect(filenameIn(latin1('attachment; filename="Übung 日本.mp3"'))).toBe('Übung 日本.mp3')
  expect(filenameIn('attachment; filename="Übung.mp3"')).toBe('Übung.mp3')
})

test.each(['audio/mpeg', 'VIDEO/mp4', 'application/octet-stream; x=y'])(
  'a part of type %s is a file',
  (type) => {
    expect(headOf('Content-Disposition: form-data; name=x', `Content-Type: ${type}`)).toMatchObject({
      filename: null,
      type,
      isFile: true,
    })
  },
)

test('a part without a filename is text, unless its type is application/octet-stream', () => {
  expect(disposition('name="language"')).toEqual({
    name: 'language',
    filename: null,
    type: '',
    isFile: false,
  })
  expect(
    headOf('content-type: application/octet-stream', 'CONTENT-DISPOSITION:form-data; name="audio"'),
  ).toEqual({
    name: 'audio',
    filename: null,
    type: 'application/octet-stream',
    isFile: true,
  })
})

test('a head without a field name is null', () => {
  expect(headOf('Content-Type: text/plain')).toBeNull()
  expect(disposition('filename="a.wav"')).toBeNull()
  expect(headOf('Content-Disposition: attachment; name="audio"')).toBeNull()
})

describe('a hostile head', () => {
  test.each([
    ['backslashes in an unclosed quote', `name="audio"; filename="${'\\'.repeat(8000)}`],
    ['backslashes before a quote', `name="audio"; filename="${'\\'.repeat(7999)}"`],
    ['unclosed quotes', `name="audio"${';f="'.repeat(1999)}`],
    ['names without values', `name="audio"${';a'.repeat(4000)}`],
    ['spaces', `name="audio";${' '.repeat(8000)}`],
  ])('with %s is parsed in linear time', (_, parameters) => {
    const before = process.cpuUsage()
    expect(disposition(parameters)?.name).toBe('audio')
    // It takes milliseconds; a backtracking regular expression would take years.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(1)
  })

  test('with an unclosed quote reads it as a token, and the rest as usual', () => {
    expect(disposition('name="audio"; filename="a; x=y')).toEqual({
      name: 'audio',
      filename: '"a',
      type: '',
      isFile: true,
    })
    expect(disposition('filename="a\\\\"; name="audio"')?.filename).toBe('a\\')
    expect(disposition('filename="a\\b"; name="audio"')?.filename).toBe('a\\b')
    expect(disposition('name = "audio" ; filename = a.wav ')?.filename).toBe('a.wav')
  })
})
