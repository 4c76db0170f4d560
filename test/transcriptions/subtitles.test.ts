import { describe, expect, test } from 'bun:test'
import { toSrt, toTsv, toVtt } from '../../src/transcriptions/transcript/subtitles.ts'

const cues = [
  { start: 0, end: 1.5, lines: ['The old library'] },
  { start: 3599.9996, end: 3661.0004, lines: ['stands beside', 'the river.'] },
  { start: 86_400.25, end: 360_000, lines: ['Every morning'] },
]

describe('toSrt', () => {
  test('numbers cues, with a comma before milliseconds, also after hours and days', () => {
    expect(toSrt(cues)).toBe(
      [
        '1\n00:00:00,000 --> 00:00:01,500\nThe old library\n\n',
        '2\n01:00:00,000 --> 01:01:01,000\nstands beside\nthe river.\n\n',
        '3\n24:00:00,250 --> 100:00:00,000\nEvery morning\n\n',
      ].join(''),
    )
  })

  test('rounds to the nearest millisecond and carries over', () => {
    const [, times] = toSrt([{ start: 59.9984, end: 59.9996, lines: ['x'] }]).split('\n')
    expect(times).toBe('00:00:59,998 --> 00:01:00,000')
    const [, late] = toSrt([{ start: 36_000.001, end: 36_000.0249, lines: ['x'] }]).split('\n')
    expect(late).toBe('10:00:00,001 --> 10:00:00,025')
  })

  test('gives every cue a duration', () => {
    const [, times] = toSrt([{ start: 2, end: 2, lines: ['x'] }]).split('\n')
    expect(times).toBe('00:00:02,000 --> 00:00:02,001')
  })

  test('is empty for silence', () => expect(toSrt([])).toBe(''))
})

describe('toVtt', () => {
  test('starts with WEBVTT, with a point before milliseconds', () => {
    expect(toVtt(cues.slice(0, 2))).toBe(
      [
        'WEBVTT\n\n',
        '00:00:00.000 --> 00:00:01.500\nThe old library\n\n',
        '01:00:00.000 --> 01:01:01.000\nstands beside\nthe river.\n\n',
      ].join(''),
    )
  })

  test('escapes text that would be markup or another cue', () => {
    expect(toVtt([{ start: 0, end: 1, lines: ['a < b && <i>c</i> --> d &lt;'] }])).toBe(
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\na &lt; b &amp;&amp; &lt;i&gt;c&lt;/i&gt; --&gt; d &amp;lt;\n\n',
    )
  })

  test('is a valid file for silence', () => expect(toVtt([])).toBe('WEBVTT\n\n'))
})

test('toTsv writes one line per segment, whatever the text contains', () => {
  const segments = [
    { start: 0, end: 1.5004, text: ' The old\tlibrary' },
    { start: 3599.9996, end: 3661, text: 'stands\r\nbeside the river.' },
  ]
  expect(toTsv(segments)).toBe(
    'start\tend\ttext\n0\t1500\tThe old library\n3600000\t3661000\tstands beside the river.\n',
  )
})
