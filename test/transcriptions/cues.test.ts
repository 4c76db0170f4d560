import { describe, expect, test } from 'bun:test'
import { cuesOf } from '../../src/transcriptions/transcript/cues.ts'
import { randomFrom } from '../support/seeded.ts'

const HOUR = 3600

/** Words of 0.4 seconds each, 0.1 apart. */
const wordsOf = (text: string) =>
  text.split(/(?=\s)/).map((word, index) => ({ word, start: index / 2, end: index / 2 + 0.4 }))

const linesOf = (text: string, seconds: number) =>
  cuesOf([{ start: 0, end: seconds, text }], { seconds: HOUR }).map(({ lines }) => lines)

describe('short segments', () => {
  test('become one cue each, unchanged', () => {
    const text = ' The old library stands beside the river.'
    expect(cuesOf([{ start: 0.064, end: 2.688, text }], { seconds: HOUR })).toEqual([
      { start: 0.064, end: 2.688, lines: [text.trim()], voice: null },
    ])
  })

  test('are broken into two lines of similar length after a clause', () => {
    expect(linesOf('When the river was high, nobody crossed the old wooden bridge.', 4)).toEqual([
      ['When the river was high,', 'nobody crossed the old wooden bridge.'],
    ])
  })

  test('become one line each, whatever line breaks the engine returns', () => {
    expect(linesOf('one\r\n\r\n2\n00:00:05,000 --> 00:00:06,000\ntwo', 2)).toEqual([
      ['one 2 00:00:05,000 --> 00:00:06,000 two'],
    ])
  })

  test('become no cue if they contain no text', () => expect(linesOf(' \n ', 2)).toEqual([]))
})

describe('long segments', () => {
  const text =
    'The old library stands beside the river. Every morning I take the train to work and read a good book, ' +
    'and in the evening I walk back along the water.'

  test('are cut after sentences and clauses, at the times of words', () => {
    const words = wordsOf(text)
    const cues = cuesOf([{ start: 0, end: words.at(-1)?.end ?? 0, text, words }], { seconds: HOUR })
    const starts = cues.map(({ lines }) => lines.join(' ').split(' ')[0])
    for (const cue of cues) {
      const first = words.find(({ start }) => start === cue.start)?.word.trim()
      expect(starts).toContain(first)
      const last = words.find(({ end }) => end === cue.end)?.word.trim()
      expect(cue.lines.join(' ')).toEndWith(last ?? '?')
      expect(cue.end - cue.start).toBeLessThanOrEqual(7)
    }
    expect(cues.filter(({ lines }) => /[.,]$/.test(lines.at(-1) ?? ''))).toHaveLength(3)
  })

  test('are cut by their letters if they have no words', () => {
    const cues = cuesOf([{ start: 10, end: 20, text }], { seconds: HOUR })
    expect(cues.map(({ lines }) => lines.join(' ')).join(' ')).toBe(text)
    const letters = text.replaceAll(' ', '').length
    let before = 0
    for (const { start, lines } of cues) {
      expect(start).toBe(Math.round(10_000 + (10_000 * before) / letters) / 1000)
      before += lines.join('').replaceAll(' ', '').length
    }
    expect(cues.at(-1)?.end).toBe(20)
    expect(cues[0]?.lines).toEqual(['The old library stands beside the river.'])
  })

  test('are cut by their letters if the words differ from the text', () => {
    const words = [{ start: 0, end: 9, word: 'nothing' }]
    expect(cuesOf([{ start: 10, end: 20, text, words }], { seconds: HOUR })).toEqual(
      cuesOf([{ start: 10, end: 20, text }], { seconds: HOUR }),
    )
  })
})

describe('scripts without spaces', () => {
  test.each([
    ['Chinese', '今天天气很好，我们一起去公园散步吧。明天可能会下雨，所以请记得带上雨伞，不要忘记了。', 16],
    [
      'Japanese',
      '今日はとても良い天気ですので、公園まで散歩に行きましょう。明日は雨が降るかもしれません。',
      16,
    ],
    ['Thai', 'วันนี้อากาศดีมากเราไปเดินเล่นที่สวนสาธารณะกันเถอะพรุ่งนี้ฝนอาจจะตกอย่าลืมเอาร่มไปด้วยนะครับ', 42],
  ])('%s', (_, text, letters) => {
    const cues = cuesOf([{ start: 0, end: 12, text }], { seconds: HOUR })
    expect(cues.length).toBeGreaterThan(1)
    expect(cues.flatMap(({ lines }) => lines).join('')).toBe(text)
    for (const line of cues.flatMap(({ lines }) => lines)) {
      expect([...new Intl.Segmenter().segment(line)].length).toBeLessThanOrEqual(letters)
      expect(line).not.toMatch(/^[、。，々ー]/)
    }
  })

  test('a line does not start with closing or end with opening punctuation', () => {
    const text = `${'彼は「行く」と言った。'.repeat(12)}`
    for (const line of cuesOf([{ start: 0, end: 40, text }], { seconds: HOUR }).flatMap(
      ({ lines }) => lines,
    )) {
      expect(line).not.toMatch(/^[」。]|「$/)
    }
  })

  test('embedded words of another script are not broken', () => {
    const lines = linesOf('Windowsを使う。'.repeat(5), 9).flat()
    expect(lines.join('')).toBe('Windowsを使う。'.repeat(5))
    expect(lines.every((line) => line.startsWith('Windows'))).toBe(true)
  })
})

describe('reading time', () => {
  test('a cue that is spoken fast stays until it can be read or the next cue starts', () => {
    const text = 'x'.repeat(40)
    const cues = cuesOf(
      [
        { start: 0, end: 0.5, text },
        { start: 1, end: 1.2, text },
        { start: 9, end: 9.1, text: 'No.' },
      ],
      { seconds: 9.5 },
    )
    expect(cues.map(({ start, end }) => [start, end])).toEqual([
      [0, 1],
      [1, 3],
      [9, 9.5],
    ])
  })

  test('a cue without duration lasts until it can be read, or at least a millisecond', () => {
    expect(cuesOf([{ start: 2, end: 2, text: 'x' }], { seconds: 9 })).toMatchObject([
      { start: 2, end: 2.833 },
    ])
    expect(cuesOf([{ start: 2, end: 2, text: 'x' }], { seconds: 2 })).toMatchObject([
      { start: 2, end: 2.001 },
    ])
  })
})

test('cues of a long text without duration follow each other', () => {
  const text = 'The old library stands beside the river. '.repeat(5)
  const cues = cuesOf([{ start: 2, end: 2, text }], { seconds: 2 })
  expect(cues.length).toBeGreaterThan(2)
  expect(cues.map(({ start, end }) => [start, end])).toEqual(
    cues.map((_, index) => [(2000 + index) / 1000, (2001 + index) / 1000]),
  )
})

describe('overlapping segments', () => {
  const timesOf = (segments: Parameters<typeof cuesOf>[0]) =>
    cuesOf(segments, { seconds: 60 }).map(({ start, end, lines }) => [start, end, lines.join(' ')])

  test('of one voice end where the next one starts', () => {
    expect(
      timesOf([
        { start: 0, end: 5, text: 'The first sentence.' },
        { start: 2, end: 4, text: 'The second sentence.' },
      ]),
    ).toEqual([
      [0, 2, 'The first sentence.'],
      [2, 4, 'The second sentence.'],
    ])
  })

  test('of one voice keep their texts apart even if the times of words overlap', () => {
    const first =
      'When the river was high, nobody crossed the old wooden bridge, and the library stayed closed.'
    const words = wordsOf(first)
    const times = timesOf([
      { start: 0, end: 8, text: first, words },
      { start: 3, end: 9, text: 'The second sentence.' },
    ])
    expect(times.map(([, , text]) => text).join(' ')).toBe(`${first} The second sentence.`)
    expect(times.at(-1)).toEqual([3, 9, 'The second sentence.'])
  })

  test('of one voice end there too if their last word ends later', () => {
    const words = [
      { start: 0, end: 1, word: ' The first' },
      { start: 1, end: 2.5, word: ' sentence.' },
    ]
    expect(
      timesOf([
        { start: 0, end: 2, text: ' The first sentence.', words },
        { start: 2, end: 4, text: ' The second sentence.' },
      ]),
    ).toEqual([
      [0, 2, 'The first sentence.'],
      [2, 4, 'The second sentence.'],
    ])
  })

  test('of one voice that start at the same time share it', () => {
    expect(
      timesOf([
        { start: 10, end: 10, text: 'So,' },
        { start: 10, end: 13, text: 'we begin.' },
        { start: 14, end: 15, text: 'Now.' },
      ]),
    ).toEqual([
      [10, 13, 'So, we begin.'],
      [14, 15, 'Now.'],
    ])
  })

  test('of different voices are merged by start, and are only extended for reading', () => {
    const fast = 'x'.repeat(40)
    const cues = cuesOf(
      [
        { start: 0, end: 5, text: 'on the left', voice: 'Channel 1' },
        { start: 2, end: 2.5, text: fast, voice: 'Channel 2' },
        { start: 3, end: 4, text: 'still on the right', voice: 'Channel 2' },
        { start: 5, end: 5.5, text: fast, voice: 'Channel 1' },
        { start: 5.6, end: 6.6, text: 'on the right', voice: 'Channel 2' },
      ],
      { seconds: 60 },
    )
    expect(cues.map(({ start, end, voice }) => [start, end, voice])).toEqual([
      [0, 5, 'Channel 1'],
      [2, 3, 'Channel 2'],
      [3, 4, 'Channel 2'],
      [5, 7, 'Channel 1'],
      [5.6, 6.6, 'Channel 2'],
    ])
  })
})

test('a label takes its columns from the first line only', () => {
  const text = 'Nobody crossed the old bridge before the water of the river fell again.'
  const label = 'Channel 1: '
  const cues = cuesOf([{ start: 0, end: 6, text, voice: 'Channel 1' }], {
    seconds: HOUR,
    labelOf: () => label,
  })
  expect(cues.map(({ lines }) => lines.join(' ')).join(' ')).toBe(text)
  expect(cues).toHaveLength(1)
  const [first, second] = cues[0]?.lines ?? []
  expect(label.length + (first?.length ?? 0)).toBeLessThanOrEqual(42)
  expect(second?.length).toBeGreaterThan(42 - label.length)
})

test('no text is lost and no line is too long, whatever the text', () => {
  const random = randomFrom(1)
  const pick = (from: string[]) => from[Math.floor(random() * from.length)] ?? ''
  const said = [
    'a',
    'river',
    'mountains,',
    'end.',
    '東京',
    '。',
    'w'.repeat(99),
    'é́',
    '👩‍👩‍👧',
    'สวัสดี',
    '「',
    '」',
    '-',
    ' ',
    '\n',
  ]
  for (let round = 0; round < 300; round++) {
    const text = Array.from(
      { length: 1 + Math.floor(random() * 60) },
      () => pick(said) + pick(['', ' ']),
    ).join('')
    // As stored: to the millisecond.
    const start = Math.floor(random() * 100_000) / 1000
    const seconds = Math.floor(100_000 + random() * 30_000) / 1000
    const cues = cuesOf([{ start, end: seconds, text }], { seconds })
    const plain = (one: string) => one.replace(/\s/g, '')
    expect(plain(cues.map(({ lines }) => lines.join('')).join(''))).toBe(plain(text))
    let before = start
    for (const cue of cues) {
      expect(cue.lines.length).toBeLessThanOrEqual(2)
      expect(cue.start).toBeGreaterThanOrEqual(before)
      expect(cue.end).toBeGreaterThan(cue.start)
      before = cue.end
      for (const line of cue.lines) {
        expect(line).toBe(line.trim())
        expect(line).not.toBe('')
        expect([...new Intl.Segmenter().segment(line)].length).toBeLessThanOrEqual(42)
      }
    }
    expect(before).toBeLessThanOrEqual(seconds)
  }
})
