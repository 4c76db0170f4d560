import { expect, test } from 'bun:test'
import { replaceWords } from '../../src/transcriptions/pipeline/replace-words.ts'
import { segmentOf } from '../support/scripted-engine.ts'

const pairsOf = (pairs: Record<string, string>) =>
  Object.entries(pairs).map(([heard, written]) => ({ heard, written }))

const textOf = (text: string, pairs: Record<string, string>) =>
  replaceWords([segmentOf({ text })], pairsOf(pairs))[0]?.text

test.each([
  [
    'whole words in any case',
    ' The CUBE flow, cubed.',
    { 'cube flow': 'Kubeflow', cube: 'Würfel' },
    ' The Kubeflow, cubed.',
  ],
  ['the longest match first', ' New York City', { 'new york': 'NY', 'new york city': 'NYC' }, ' NYC'],
  ['words beside punctuation', ' “ada’s” (ada) ada-like', { ada: 'Ada' }, ' “Ada’s” (Ada) Ada-like'],
  ['decomposed letters', ' Zoe\u0308!', { zoë: 'Zoé' }, ' Zoé!'],
  ['letters before marks', ' cafe\u0301 cafe', { cafe: 'Café' }, ' café Café'],
  ['terms that end with a mark', ' c++ and .net', { 'c++': 'C++', '.net': '.NET' }, ' C++ and .NET'],
  ['special characters as they are', ' cost', { cost: '$& $1' }, ' $& $1'],
  ['parts of scripts without spaces', '我用康菲UI做图', { 康菲UI: 'ComfyUI', 图: '圖' }, '我用ComfyUI做圖'],
  ['Latin words within them', '我用ai做图,aid', { ai: 'AI' }, '我用AI做图,aid'],
  ['the last of two equal pairs', ' ada', { ada: 'Ida', ADA: 'Ada' }, ' Ada'],
])('replaceWords replaces %s', (_, text, pairs: Record<string, string>, expected) => {
  expect(textOf(text, pairs)).toBe(expected)
})

/** Words of one second each. */
function wordsOf(texts: string[], pairs: Record<string, string>) {
  const words = texts.map((word, start) => ({ word, start, end: start + 1, probability: 1 - start / 10 }))
  const segment = segmentOf({ text: texts.join(''), words })
  const [replaced] = replaceWords([segment], pairsOf(pairs))
  expect(replaced?.words?.map(({ word }) => word).join('')).toBe(replaced?.text)
  return replaced?.words?.map(({ word, start, end, probability }) => [word, start, end, probability])
}

test('several words become one, with the first start and the last end', () => {
  expect(wordsOf([' In', ' “cube', ' flow.”', ' Yes'], { 'cube flow': 'Kubeflow' })).toEqual([
    [' In', 0, 1, 1],
    [' “Kubeflow.”', 1, 3, 0.8],
    [' Yes', 3, 4, 0.7],
  ])
})

test('one word becomes several, which share its time by length', () => {
  expect(wordsOf([' NYC,'], { nyc: 'New York' })).toEqual([
    [' New', 0, 0.4, 1],
    [' York,', 0.4, 1, 1],
  ])
})

test('as many words as before keep their times', () => {
  expect(wordsOf([' Ada', ' Lavlace'], { 'ada lavlace': 'Ada Lovelace' })).toEqual([
    [' Ada', 0, 1, 1],
    [' Lovelace', 1, 2, 0.9],
  ])
})

test('several matches share one word', () => {
  expect(wordsOf([' ada', '-ida', ' and-', 'ada'], { ada: 'Ada B', ida: 'Ida', 'and-ada': 'X' })).toEqual([
    [' Ada', 0, 4 / 6, 1],
    [' B', 4 / 6, 1, 1],
    ['-Ida', 1, 2, 0.9],
    [' X', 2, 4, 0.7],
  ])
})
