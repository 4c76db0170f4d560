import { describe, expect, test } from 'bun:test'
import { faultsOfCues } from '../../bench/cases/cues.ts'
import type { Expected } from '../../bench/cases/entries.ts'
import type { Observed } from '../../bench/cases/observe.ts'
import { judge } from '../../bench/cases/verdict.ts'

const COMPLETED: Observed = {
  http: 202,
  status: 'completed',
  language: 'en',
  duration: 11,
  filename: 'a "quoted" name.mp3',
  text: 'And so, my fellow Ａmericans: ask not…',
  warnings: ['truncated'],
  error: null,
  segments: [{ start: 0.3, end: 10, text: 'And so, my fellow Ａmericans: ask not…' }],
  words: [
    { word: ' And', start: 5.2, end: 5.4 },
    { word: ' not.', start: 7, end: 7.2 },
    { word: ' not', start: 9, end: 9.2 },
  ],
  cues: [],
}
const REFUSED: Observed = {
  ...COMPLETED,
  http: 400,
  status: null,
  text: null,
  error: 'It has no sound in it',
}

function verdictOf(expected: Partial<Expected>, observed: Partial<Observed> = {}): string {
  return judge({ expect: 'the words', ...expected }, { ...COMPLETED, ...observed }).verdict
}

describe('the verdict on an entry', () => {
  test.each<[keyof Expected, Partial<Expected>, Partial<Expected>]>([
    ['contains', { contains: ['so my fellow americans'] }, { contains: ['fellow', 'country'] }],
    ['contains', { contains: ['country|ask not'] }, { contains: ['country|roads'] }],
    ['contains_none', { contains_none: ['american', 'thank'] }, { contains_none: ['americans'] }],
    ['count', { count: { 'ask not': 1 } }, { count: { 'ask not': 0 } }],
    ['text', { text: 'and so my fellow americans ask not' }, { text: 'and so' }],
    ['language', { language: 'en' }, { language: 'de' }],
    ['duration', { duration: [10.9, 11.1] }, { duration: [15.9, 17] }],
    ['duration', { duration: [11, 12] }, { duration: [5, 10] }],
    ['first_start_min', { first_start_min: 4.9 }, { first_start_min: 5.5 }],
    ['first_start_max', { first_start_max: 5.5 }, { first_start_max: 4.9 }],
    ['word_at', { word_at: { not: 7.6 } }, { word_at: { not: 7.7 } }],
    ['word_at', { word_at: { and: 5 } }, { word_at: { country: 5 } }],
    ['has', { has: ['words'] }, { has_none: ['words'] }],
    ['stored_filename', { stored_filename: 'a|a "quoted" name.mp3' }, { stored_filename: 'a' }],
    ['warning', { warning: 'truncated' }, { warning: 'clipped' }],
  ])('is right or wrong by %s', (_, right, wrong) => {
    expect([verdictOf(right), verdictOf(wrong)]).toEqual(['right', 'wrong'])
  })

  test('is by hand if only words state the expected result', () => {
    expect(verdictOf({})).toBe('by hand')
  })

  test('is wrong for a failed transcription, a server error, a missing response and faulty subtitles', () => {
    const contains = ['fellow americans']
    const cues = ['vtt cue 2 starts before its predecessor']
    for (const observed of [{ status: 'failed' }, { http: 500 }, { http: null }, { cues }]) {
      expect(verdictOf({ contains }, observed)).toBe('wrong')
    }
  })

  test('is right for a refusal with a sentence if one is expected', () => {
    const expected = { expect: '4xx: no sound in it' }
    expect(verdictOf(expected, REFUSED)).toBe('right')
    expect(verdictOf({ ...expected, error_contains: ['damaged|No sound'] }, REFUSED)).toBe('right')
    expect(verdictOf({ ...expected, error_contains: ['damaged'] }, REFUSED)).toBe('wrong')
    expect(verdictOf(expected, { ...REFUSED, error: 'corrupt' })).toBe('wrong')
    expect(verdictOf(expected, { ...REFUSED, http: 500 })).toBe('wrong')
    expect(verdictOf(expected)).toBe('wrong')
  })

  test('is by hand for a refusal that is one of two expected results, and wrong for an unexpected refusal', () => {
    const contains = ['fellow americans']
    const expected = { expect: 'taken as en (or 400 that names en)', contains }
    expect(verdictOf(expected, REFUSED)).toBe('by hand')
    expect(verdictOf(expected)).toBe('right')
    expect(verdictOf({ expect: 'taken as en', contains }, REFUSED)).toBe('wrong')
    expect(verdictOf({ expect: 'a 400 that lists the formats, or the format', contains })).toBe('right')
  })
})

describe('the faults of subtitles', () => {
  const srt = '1\n00:00:01,000 --> 00:00:03,000\n- so\n\n2\n00:00:02,000 --> 00:00:04,000\n- roads\n\n'
  const vtt = (voices: [string, string]) =>
    `WEBVTT\n\n00:01.000 --> 00:03.000\n<v ${voices[0]}>so\n\n00:02.000 --> 00:04.000 align:left\n<v ${voices[1]}>roads\n\n`

  test('are none if cues of different voices overlap', () => {
    expect(faultsOfCues(srt, vtt(['Channel 1', 'Channel 2']))).toEqual([])
  })

  test('include an overlap of cues of one voice', () => {
    expect(faultsOfCues(srt, vtt(['Channel 1', 'Channel 1']))).toEqual([
      'vtt cue 2 overlaps an earlier cue of the same voice',
    ])
  })

  test('include a wrong number, a descending start, an end before its start and a missing header', () => {
    const cues = '1\n00:01:03.000 --> 00:01:02.000\nso\n\n3\n00:00:02.000 --> 00:00:04.000\nroads\n\n'
    const [number, ...rest] = faultsOfCues(cues, cues)
    expect(number).toBe('srt cue 2 has the number "3"')
    expect(rest).toEqual([
      'the vtt does not start with WEBVTT',
      'srt cue 1 does not end after its start',
      'srt cue 2 starts before its predecessor',
      'vtt cue 1 does not end after its start',
      'vtt cue 2 starts before its predecessor',
      'vtt cue 2 overlaps an earlier cue of the same voice',
    ])
  })
})
