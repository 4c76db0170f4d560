import { describe, expect, test } from 'bun:test'
import { languagesOf, toSrt, toVtt } from '../../src/transcriptions/transcript.ts'

const cues = [
  { start: 0, end: 1.5, text: ' The old library' },
  { start: 3599.9996, end: 3661.0004, text: 'stands beside the river.' },
  { start: 86_400.25, end: 360_000, text: 'Every morning' },
]

describe('toSrt', () => {
  test('numbers cues, with a comma before milliseconds, also after hours and days', () => {
    expect(toSrt(cues)).toBe(
      [
        '1\n00:00:00,000 --> 00:00:01,500\nThe old library\n\n',
        '2\n01:00:00,000 --> 01:01:01,000\nstands beside the river.\n\n',
        '3\n24:00:00,250 --> 100:00:00,000\nEvery morning\n\n',
      ].join(''),
    )
  })

  test('rounds to the nearest millisecond and carries over', () => {
    const [, times] = toSrt([{ start: 59.9994, end: 59.9996, text: 'x' }]).split('\n')
    expect(times).toBe('00:00:59,999 --> 00:01:00,000')
    const [, late] = toSrt([{ start: 36_000.001, end: 36_000.0249, text: 'x' }]).split('\n')
    expect(late).toBe('10:00:00,001 --> 10:00:00,025')
  })

  test('keeps each cue in one piece, whatever line breaks an engine puts into it', () => {
    expect(toSrt([{ start: 0, end: 1, text: 'one\r\n\r\n2\n00:00:05,000 --> 00:00:06,000\ntwo' }])).toBe(
      '1\n00:00:00,000 --> 00:00:01,000\none 2 00:00:05,000 --> 00:00:06,000 two\n\n',
    )
  })

  test('gives nothing for silence', () => expect(toSrt([])).toBe(''))
})

describe('toVtt', () => {
  test('starts with its name, with a point before milliseconds', () => {
    expect(toVtt(cues.slice(0, 2))).toBe(
      [
        'WEBVTT\n\n',
        '00:00:00.000 --> 00:00:01.500\nThe old library\n\n',
        '01:00:00.000 --> 01:01:01.000\nstands beside the river.\n\n',
      ].join(''),
    )
  })

  test('escapes what would be markup or another cue', () => {
    expect(toVtt([{ start: 0, end: 1, text: 'a < b && <i>c</i> --> d &lt;' }])).toBe(
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\na &lt; b &amp;&amp; &lt;i&gt;c&lt;/i&gt; --&gt; d &amp;lt;\n\n',
    )
  })

  test('keeps each cue in one piece', () => {
    expect(toVtt([{ start: 0, end: 1, text: 'one\n\nNOTE two' }])).toBe(
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\none NOTE two\n\n',
    )
  })

  test('is a valid file for silence', () => expect(toVtt([])).toBe('WEBVTT\n\n'))
})

describe('languagesOf', () => {
  test('puts the language with most speech first, not the one with most segments', () => {
    expect(
      languagesOf([
        { start: 0, end: 1, language: 'de' },
        { start: 1, end: 2, language: 'de' },
        { start: 2, end: 9, language: 'en' },
        { start: 9, end: 90, language: null },
      ]),
    ).toEqual(['en', 'de'])
  })

  test('knows none where no engine said one', () => {
    expect(languagesOf([{ start: 0, end: 1, language: null }])).toEqual([])
  })
})
