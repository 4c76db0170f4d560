import { describe, expect, test } from 'bun:test'
import { textOf, turnsOf } from '../../src/transcriptions/transcript/turns.ts'

const LEFT = 'Channel 1'
const RIGHT = 'Channel 2'

/** Segments from lines of a voice, start, end and text. */
const segmentsOf = (...lines: [voice: string, start: number, end: number, text: string][]) =>
  lines.map(([voice, start, end, text]) => ({ voice, start, end, text }))

const linesOf = (...lines: Parameters<typeof segmentsOf>) =>
  turnsOf(segmentsOf(...lines)).map(({ voice, text }) => `${voice === LEFT ? 'L' : 'R'} ${text}`)

describe('turns', () => {
  test('join the segments of a channel until the other one speaks', () => {
    expect(
      linesOf(
        [LEFT, 0, 2, ' Good morning.'],
        [LEFT, 2.2, 4, ' How are you?'],
        [RIGHT, 4.5, 6, ' Fine, thanks.'],
        [LEFT, 7, 9, ' And your sister?'],
      ),
    ).toEqual(['L Good morning. How are you?', 'R Fine, thanks.', 'L And your sister?'])
  })

  test('do not interrupt a sentence that spans segments', () => {
    expect(
      linesOf(
        [LEFT, 0, 3, ' Every morning I take the train'],
        [RIGHT, 2.5, 3.2, ' Yes.'],
        [LEFT, 3.4, 5, ' to work.'],
        [RIGHT, 5.5, 7, ' Where is that?'],
      ),
    ).toEqual(['L Every morning I take the train to work.', 'R Yes. Where is that?'])
  })

  test('alternate between the sentences of a segment', () => {
    expect(linesOf([LEFT, 0, 10, ' Hello, how are you? Good.'], [RIGHT, 5, 7, ' I am fine.'])).toEqual([
      'L Hello, how are you?',
      'R I am fine.',
      'L Good.',
    ])
  })

  test('follow the times of words', () => {
    const words = [
      { start: 0, end: 1, word: ' Yes.' },
      { start: 1.5, end: 10, word: ' No.' },
    ]
    const left = segmentsOf([LEFT, 0, 10, ' Yes. No.']).map((segment) => ({ ...segment, words }))
    expect(turnsOf([...left, ...segmentsOf([RIGHT, 2, 3, ' Really?'])]).map(({ text }) => text)).toEqual([
      'Yes. No.',
      'Really?',
    ])
  })

  test('end after a pause in text without punctuation', () => {
    expect(
      linesOf([LEFT, 0, 1, ' how are you'], [RIGHT, 1.2, 2.5, ' fine and you'], [LEFT, 2.7, 3, ' good']),
    ).toEqual(['L how are you', 'R fine and you', 'L good'])
  })

  test.each([
    ['Chinese', '今天天气很好。', '我们去公园吧。'],
    ['Arabic', ' كيف حالك؟', ' أنا بخير.'],
    ['Hindi', ' आप कैसे हैं।', ' मैं ठीक हूँ।'],
  ])('see the ends of sentences in %s, and join them as it is written', (_, first, second) => {
    expect(
      linesOf([LEFT, 0, 2, first], [RIGHT, 1.8, 2.2, ' Yes.'], [LEFT, 2.3, 4, second], [LEFT, 4, 5, first]),
    ).toEqual([`L ${first.trim()}`, 'R Yes.', `L ${(second + first).trim()}`])
  })
})

describe('the text', () => {
  const segments = segmentsOf(
    [LEFT, 0, 2, ' Good\nmorning.'],
    [RIGHT, 2.5, 4, ' Hello.'],
    [RIGHT, 4.5, 6, ' Yes?'],
  )

  test('has one line per turn if voices are told apart', () => {
    expect(textOf(segments)).toBe('Good morning.\nHello. Yes?')
  })

  test('is one text without voices', () => {
    expect(textOf(segments.map((segment) => ({ ...segment, voice: null })))).toBe(
      'Good\nmorning. Hello. Yes?',
    )
  })

  test('is empty for silence', () => expect(textOf([])).toBe(''))
})
