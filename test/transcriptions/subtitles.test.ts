import { describe, expect, test } from 'bun:test'
import { cuesOf } from '../../src/transcriptions/transcript/cues.ts'
import type { TimedText } from '../../src/transcriptions/transcript/line-breaking.ts'
import { toSrt, toTsv, toVtt } from '../../src/transcriptions/transcript/subtitles.ts'
import { randomFrom } from '../support/seeded.ts'
import { parseWebVtt } from '../support/webvtt.ts'

const cues = [
  { start: 0, end: 1.5, lines: ['The old library'], voice: null },
  { start: 3599.9996, end: 3661.0004, lines: ['stands beside', 'the river.'], voice: null },
  { start: 86_400.25, end: 360_000, lines: ['Every morning'], voice: null },
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
    const [, times] = toSrt([{ start: 59.9984, end: 59.9996, lines: ['x'], voice: null }]).split('\n')
    expect(times).toBe('00:00:59,998 --> 00:01:00,000')
    const [, late] = toSrt([{ start: 36_000.001, end: 36_000.0249, lines: ['x'], voice: null }]).split('\n')
    expect(late).toBe('10:00:00,001 --> 10:00:00,025')
  })

  test('writes the voice before the text', () => {
    expect(toSrt([{ start: 0, end: 1, lines: ['stands beside', 'the river.'], voice: 'Channel 1' }])).toBe(
      '1\n00:00:00,000 --> 00:00:01,000\nChannel 1: stands beside\nthe river.\n\n',
    )
  })

  test('contains an arrow in the lines of times only', () => {
    const text = toSrt([{ start: 0, end: 1, lines: ['a --> b ---> c -->'], voice: null }])
    expect(text).toBe('1\n00:00:00,000 --> 00:00:01,000\na → b -→ c →\n\n')
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
    expect(toVtt([{ start: 0, end: 1, lines: ['a < b && <i>c</i> --> d &lt;'], voice: null }])).toBe(
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\na &lt; b &amp;&amp; &lt;i&gt;c&lt;/i&gt; --&gt; d &amp;lt;\n\n',
    )
  })

  test('is a valid file for silence', () => {
    expect(toVtt([])).toBe('WEBVTT\n\n')
    expect(parseWebVtt(toVtt([]))).toEqual([])
  })

  const texts = {
    arrow: 'first --> second --->',
    times: 'NOTE 00:00:05.000 --> 00:00:06.000 WEBVTT',
    ampersand: 'R&D & &amp; &lrm; &#60;',
    markup: '<v Bob>1 < 2</v> <i>and</i> <00:00:01.000> <',
    'right-to-left text': '\u202bשלום עולם!\u202c كيف حالك؟',
    emoji: '👩‍👩‍👧 🏳️‍🌈 👍🏽 naïve é',
    'scripts without spaces': '今天天气很好，去公园吧。',
  }
  const parsed = (segments: TimedText[]) => parseWebVtt(toVtt(cuesOf(segments, { seconds: 400_000 })))

  test.each(Object.entries(texts))('is valid and has the same text: %s', (_, text) => {
    for (const start of [0, 359_999.999, 375_000.5]) {
      const times = { start, end: start + 3 }
      for (const voice of [null, 'Channel 1']) {
        const cues = parsed([{ ...times, text, voice }])
        expect(cues.map((cue) => ({ ...cue, text: cue.text.replace('\n', ' ') }))).toEqual([
          { ...times, voice, text },
        ])
      }
    }
  })

  test('marks a voice with its name, in which markup is escaped', () => {
    const text = toVtt([{ start: 0, end: 1, lines: ['stands beside', 'the river.'], voice: 'A & <B>' }])
    expect(text).toBe(
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v A &amp; &lt;B&gt;>stands beside\nthe river.</v>\n\n',
    )
    expect(parseWebVtt(text)).toHaveLength(1)
  })

  test('is valid for text with blank lines and control characters', () => {
    expect(parsed([{ start: 0, end: 3, text: '\n\n one\r\n\r\n2\u0000\u001b\u0085\u2028two \n' }])).toEqual([
      { start: 0, end: 3, voice: null, text: 'one 2 two' },
    ])
  })

  test('is valid for channels that overlap, and keeps the cues of a channel apart', () => {
    const random = randomFrom(2)
    const between = (min: number, max: number) => min + Math.floor(random() * (max - min))
    const said = [...Object.values(texts), 'Yes.', 'The old library stands beside the river.', ' \n ']
    for (let round = 0; round < 50; round++) {
      const segments = Array.from({ length: between(0, 30) }, () => {
        const start = between(0, 40_000) / 1000
        const text = said.slice(between(0, said.length)).join(' ')
        return { start, end: start + between(0, 20_000) / 1000, text, voice: `Channel ${between(1, 4)}` }
      }).toSorted((a, b) => a.start - b.start)
      const cues = parsed(segments)
      for (const voice of new Set(segments.map((segment) => segment.voice))) {
        const own = cues.filter((cue) => cue.voice === voice)
        const spoken = segments.filter((segment) => segment.voice === voice).map(({ text }) => text)
        expect(lettersOf(own.map(({ text }) => text))).toBe(lettersOf(spoken))
        for (const [index, { end }] of own.entries()) {
          expect(own[index + 1]?.start ?? end).toBeGreaterThanOrEqual(end)
        }
      }
    }
  })
})

const lettersOf = (texts: string[]) => texts.join('').replace(/\s/g, '')

test('toTsv writes one line per segment, whatever the text contains', () => {
  const segments = [
    { start: 0, end: 1.5004, text: ' The old\tlibrary' },
    { start: 3599.9996, end: 3661, text: 'stands\r\nbeside the river.' },
  ]
  expect(toTsv(segments)).toBe(
    'start\tend\ttext\n0\t1500\tThe old library\n3600000\t3661000\tstands beside the river.\n',
  )
})
