import { describe, expect, test } from 'bun:test'
import { parseHead } from '../../src/http/body/part-head.ts'

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
    ['invalid RFC 8187', 'name="audio"; filename="x"; filename*=UTF-8\'\'%E0%A4%A', 'x'],
  ]
  for (const [client, parameters, filename] of names) {
    test(client, () => {
      expect(disposition(parameters)).toEqual({ name: 'audio', filename, isFile: true })
    })
  }
})

test('a part without a filename is text, unless its type is application/octet-stream', () => {
  expect(disposition('name="language"')).toEqual({ name: 'language', filename: null, isFile: false })
  expect(
    headOf('content-type: application/octet-stream', 'CONTENT-DISPOSITION:form-data; name="audio"'),
  ).toEqual({
    name: 'audio',
    filename: null,
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
      isFile: true,
    })
    expect(disposition('filename="a\\\\"; name="audio"')?.filename).toBe('a\\')
    expect(disposition('filename="a\\b"; name="audio"')?.filename).toBe('a\\b')
    expect(disposition('name = "audio" ; filename = a.wav ')?.filename).toBe('a.wav')
  })
})
