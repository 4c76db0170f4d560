import { describe, expect, test } from 'bun:test'
import type { StoredSpeaker } from '../../src/db/columns.ts'
import { cutBySpeaker } from '../../src/transcriptions/speakers/assign-words.ts'
import { letterOf } from '../../src/transcriptions/speakers/find-speakers.ts'
import { mergeVoices } from '../../src/transcriptions/speakers/merge-voices.ts'
import { renamed } from '../../src/transcriptions/speakers/names.ts'
import { embeddingOf } from '../support/conversation.ts'

const anyCount = { minSpeakers: null, maxSpeakers: null }

/** Voices of these people, each heard for 5 seconds or as long as `seconds` says. */
const voicesOf = (people: readonly number[], seconds: readonly number[] = []) =>
  people.map((person, index) => ({
    span: index,
    seconds: seconds[index] ?? 5,
    embedding: embeddingOf(person, index % 100),
  }))

/** A voice of a person over a telephone: the cosine distance of two persons is 0.4. */
function telephoned(person: number): number[] {
  const embedding = Array.from({ length: 192 }, () => 0)
  embedding[0] = Math.sqrt(0.6)
  embedding[person] = Math.sqrt(0.4)
  return embedding
}

/** Whether two numberings group the same items. */
const sameGroups = (a: readonly number[], b: readonly number[]) =>
  a.every((value, i) => a.every((other, j) => (value === other) === (b[i] === b[j])))

describe('voices', () => {
  const people = [1, 2, 1, 3, 2, 2, 1, 3, 4]

  test('of the same person become one speaker, in any order', () => {
    const shuffled = [8, 3, 0, 5, 7, 1, 6, 2, 4]
    const merged = mergeVoices(voicesOf(people), anyCount)
    expect(sameGroups(merged, people)).toBe(true)
    const voices = voicesOf(people)
    const other = mergeVoices(
      shuffled.flatMap((index) => voices[index] ?? []),
      anyCount,
    )
    expect(
      sameGroups(
        other,
        shuffled.flatMap((index) => people[index] ?? []),
      ),
    ).toBe(true)
  })

  test.each([
    [{ minSpeakers: 2, maxSpeakers: 2 }, 2],
    [{ minSpeakers: null, maxSpeakers: 3 }, 3],
    [{ minSpeakers: 6, maxSpeakers: null }, 6],
    [{ minSpeakers: 6, maxSpeakers: 6 }, 6],
    [{ minSpeakers: 50, maxSpeakers: 50 }, 9],
    [{ minSpeakers: 1, maxSpeakers: 10 }, 4],
  ])('become as many speakers as %j allows', (count, speakers) => {
    expect(new Set(mergeVoices(voicesOf(people), count)).size).toBe(speakers)
  })

  test('of one span stay apart although they are similar', () => {
    const similar = (span: number) =>
      [1, 2].map((person) => ({ span, seconds: 5, embedding: telephoned(person) }))
    expect(mergeVoices([...similar(0), ...similar(1)], anyCount)).toEqual([0, 1, 0, 1])
  })

  test('that are short for the recording make no speaker of their own', () => {
    expect(mergeVoices(voicesOf([1, 2, 5, 2], [30, 30, 1.9, 0.4]), anyCount)).toEqual([0, 1, 0, 1])
    expect(mergeVoices(voicesOf([1, 2, 5, 2], [9, 9, 0.7, 0.3]), anyCount)).toEqual([0, 1, 2, 1])
    expect(mergeVoices(voicesOf([1, 2, 5, 2], [9, 9, 0.6, 0.3]), anyCount)).toEqual([0, 1, 0, 1])
    expect(mergeVoices(voicesOf([1, 2, 5, 2], [3, 3, 0.4, 0.3]), anyCount)).toEqual([0, 1, 0, 1])
    expect(mergeVoices(voicesOf([1, 2, 1], [1, 1.5, 0.5]), { minSpeakers: 2, maxSpeakers: 2 })).toEqual([
      0, 1, 0,
    ])
    expect(mergeVoices(voicesOf([1], [0]), anyCount)).toEqual([0])
    expect(mergeVoices([], anyCount)).toEqual([])
  })

  test('of a recording of days are merged with bounded memory', () => {
    const many = Array.from({ length: 4_000 }, (_, index) => 1 + (index % 7))
    expect(sameGroups(mergeVoices(voicesOf(many), anyCount).slice(0, 200), many.slice(0, 200))).toBe(true)
  })
})

describe('words', () => {
  /** A segment of words, each half a second long from `start` on. */
  function segmentOf(text: string, start = 0) {
    const words = text.split(/(?= )/).map((word, index) => ({
      word,
      start: start + index / 2,
      end: start + (index + 1) / 2,
      probability: 1,
    }))
    return { start, end: start + words.length / 2, text, words }
  }

  const turnsOf = (...turns: [speaker: string, start: number, end: number][]) =>
    turns.map(([speaker, start, end]) => ({ speaker, start, end }))

  const linesOf = (...args: Parameters<typeof cutBySpeaker>) =>
    cutBySpeaker(...args).map(({ speaker, start, end, text }) => `${speaker} ${start}-${end}:${text}`)

  test('cut a segment where the speaker changes', () => {
    const segment = segmentOf(' How are you? Fine, thanks.')
    expect(linesOf([segment], turnsOf(['A', 0, 1.5], ['B', 1.5, 2.5]))).toEqual([
      'A 0-1.5: How are you?',
      'B 1.5-2.5: Fine, thanks.',
    ])
  })

  test('belong to the nearest turn if none overlaps, and to nobody without turns', () => {
    expect(linesOf([segmentOf(' Hello there', 5)], turnsOf(['A', 0, 2], ['B', 7, 9]))).toEqual([
      'B 5-6: Hello there',
    ])
    expect(linesOf([segmentOf(' Hello there')], [])).toEqual(['null 0-1: Hello there'])
  })

  test('of one speaker are not interrupted by a single word, unless it is a sentence', () => {
    const turns = turnsOf(['A', 0, 1], ['B', 1, 1.5], ['A', 1.5, 3])
    expect(linesOf([segmentOf(' I would never do that again')], turns)).toEqual([
      'A 0-3: I would never do that again',
    ])
    expect(linesOf([segmentOf(' I would. Never. Do that again')], turns)).toEqual([
      'A 0-1: I would.',
      'B 1-1.5: Never.',
      'A 1.5-3: Do that again',
    ])
  })

  test('change the speaker at the end of a sentence that is one word away', () => {
    const late = turnsOf(['A', 0, 1.2], ['B', 1.3, 3])
    const early = turnsOf(['A', 0, 1.8], ['B', 1.8, 3])
    const segment = segmentOf(' How are you? Fine, many thanks.')
    for (const turns of [late, early]) {
      expect(linesOf([segment], turns)).toEqual(['A 0-1.5: How are you?', 'B 1.5-3: Fine, many thanks.'])
    }
  })

  test('that are not the text of their segment leave it whole', () => {
    const segment = { ...segmentOf(' one two'), text: ' eins zwei drei' }
    expect(linesOf([segment], turnsOf(['A', 0, 0.4], ['B', 0.4, 5]))).toEqual(['B 0-1: eins zwei drei'])
    expect(linesOf([{ ...segment, words: null }], turnsOf(['A', 0, 0.8]))).toEqual(['A 0-1: eins zwei drei'])
  })

  test('in overlapping turns belong to the one that covers more of them', () => {
    expect(linesOf([segmentOf(' Yes.', 2)], turnsOf(['A', 0, 2.3], ['B', 2.1, 4]))).toEqual(['B 2-2.5: Yes.'])
  })
})

describe('names', () => {
  const speakers: StoredSpeaker[] = ['A', 'B', 'C'].map((id) => ({ id, name: null, channel: 0, seconds: 1 }))
  const namesOf = (named: StoredSpeaker[]) => named.map(({ name }) => name)

  test('are given, merged and taken away', () => {
    const merged = renamed(speakers, { A: ' Ada\nL. ', C: 'Ada L.' })
    expect(namesOf(merged)).toEqual(['Ada L.', null, 'Ada L.'])
    expect(namesOf(renamed(merged, { A: 'Grace' }))).toEqual(['Grace', null, 'Grace'])
    expect(namesOf(renamed(merged, { C: null }))).toEqual(['Ada L.', null, null])
    expect(namesOf(renamed(merged, { A: '', B: 'B' }))).toEqual([null, null, null])
  })

  test('of unknown speakers and letters of others are refused', () => {
    expect(() => renamed(speakers, { D: 'Ada' })).toThrow('There is no speaker "D"; the speakers are A, B, C')
    expect(() => renamed(speakers, { A: 'B' })).toThrow('the letter of another speaker')
    expect(() => renamed(speakers, { constructor: 'Ada' })).toThrow('There is no speaker')
  })

  test('of many speakers continue after Z', () => {
    expect([0, 25, 26, 51, 52].map(letterOf)).toEqual(['A', 'Z', 'AA', 'AZ', 'BA'])
  })
})
