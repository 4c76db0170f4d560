import { describe, expect, test } from 'bun:test'
import { parseList } from '../../src/transcriptions/intake/field-values.ts'
import { parseOptions } from '../../src/transcriptions/intake/options.ts'

const optionsOf = (fields: Record<string, string>) =>
  parseOptions(new Map(Object.entries(fields)), {
    engines: ['sidecar'],
    defaultQuality: 'balanced',
    canVerify: false,
  })

describe('a boolean', () => {
  test.each(['true', 'True', 'TRUE', '1', 'yes', 'Yes', 'on', ' ON '])('%j is true', (words) => {
    expect(optionsOf({ words }).words).toBe(true)
  })

  test.each(['false', 'False', '0', 'no', 'NO', 'off', ''])('%j is false', (words) => {
    expect(optionsOf({ words }).words).toBe(false)
  })

  test.each(['maybe', '2', 'null', 't'])('%j is refused', (words) => {
    expect(() => optionsOf({ words })).toThrow(`words is "${words}"; it takes true or false`)
  })
})

test.each([
  ['a', ['a']],
  [' a , b,,c\nd ', ['a', 'b', 'c', 'd']],
  ['["a", "b c"]', ['a', 'b c']],
  ['[1]', ['1']],
  ['[laughs], b', ['[laughs]', 'b']],
  ['', []],
])('the list %j has the items %j', (list, items) => {
  expect(parseList(new Map([['list', list]]), 'list')).toEqual(items)
})

test('a list of objects is refused where it takes texts', () => {
  expect(() => optionsOf({ keywords: '[{"word":"Ada"}]' })).toThrow('keywords has the item')
})

describe('quality', () => {
  test('is that of the upload, or the default of the service', () => {
    expect(optionsOf({ quality: 'best' }).quality).toBe('best')
    for (const fields of [{}, { quality: '' }]) expect(optionsOf(fields).quality).toBe('balanced')
    const defaults = { engines: [], defaultQuality: 'fast' as const, canVerify: false }
    expect(parseOptions(new Map(), defaults).quality).toBe('fast')
    expect(parseOptions(new Map([['quality', 'balanced']]), defaults).quality).toBe('balanced')
  })

  test('another word is refused', () => {
    expect(() => optionsOf({ quality: 'high' })).toThrow(
      'quality is "high"; it takes fast or balanced or best',
    )
  })
})

test('verify needs a second model', () => {
  expect(optionsOf({ verify: 'false' }).verify).toBe(false)
  expect(() => optionsOf({ verify: 'true' })).toThrow('VERIFY_MODEL')
  const defaults = { engines: [], defaultQuality: 'fast' as const, canVerify: true }
  expect(parseOptions(new Map([['verify', 'true']]), defaults).verify).toBe(true)
})

describe('replace', () => {
  const pair = { heard: 'cube flow', written: 'Kubeflow' }
  const other = { heard: 'Ada', written: 'Ada Lovelace' }
  test.each([
    ['', []],
    ['cube flow:Kubeflow', [pair]],
    [' cube  flow => Kubeflow ', [pair]],
    ['cube flow → Kubeflow\nAda:Ada Lovelace', [pair, other]],
    ['cube flow:Kubeflow, Ada:Ada Lovelace', [pair, other]],
    ['Ada:Lovelace, Ada', [{ heard: 'Ada', written: 'Lovelace, Ada' }]],
    ['10:30 → half past ten', [{ heard: '10:30', written: 'half past ten' }]],
    ['["cube flow:Kubeflow", {"heard": "Ada", "written": "Ada Lovelace"}]', [pair, other]],
    ['{"heard":"cube flow","written":"Kubeflow"}\nAda:Ada Lovelace', [pair, other]],
    ['Zoe\u0308:Zoë', [{ heard: 'Zoë', written: 'Zoë' }]],
  ])('reads %j', (replace, replacements) => {
    expect(optionsOf({ replace }).replacements).toEqual(replacements)
  })

  test.each([
    ['Kubeflow', 'replace has "Kubeflow"; it takes pairs such as heard:written'],
    ['um:', 'replace has "um:"; neither side may be empty'],
    ['[{"heard":"a"}]', 'it takes {"heard": "…", "written": "…"}'],
    [`a:${'b'.repeat(101)}`, 'replace has a text of 101 characters; it takes at most 100'],
    ['a:b\n'.repeat(201), 'replace has 201 pairs; it takes at most 200'],
  ])('refuses %j', (replace, message) => {
    expect(() => optionsOf({ replace })).toThrow(message)
  })
})

describe('languages', () => {
  test('are codes in any form, each once', () => {
    const languages = optionsOf({ language: 'Auto', languages: 'de-AT, English,deu' }).languages
    expect(languages).toEqual(['de', 'en'])
  })

  test.each([
    [{ languages: 'de' }, 'send it with language=auto'],
    [{ languages: 'de', language: 'de' }, 'send it with language=auto'],
    [{ languages: 'de,auto', language: 'auto' }, 'languages has auto'],
    [{ languages: 'de,jp', language: 'auto' }, 'languages has "jp"; did you mean ja?'],
  ])('%j are refused', (fields: Record<string, string>, message) => {
    expect(() => optionsOf(fields)).toThrow(message)
  })
})

describe('hints', () => {
  test('are none by default', () => {
    expect(optionsOf({})).toMatchObject({ prompt: null, keywords: [], temperature: 0 })
    expect(optionsOf({ temperature: '0.4' })).toMatchObject({ temperature: 0.4 })
    expect(optionsOf({ prompt: ' ', keywords: ' , ' })).toMatchObject({ prompt: null, keywords: [] })
  })

  test('are taken from prompt, keywords and hotwords, without what a database cannot store', () => {
    expect(
      optionsOf({ prompt: ' About\0 ComfyUI.\n', keywords: 'ComfyUI,Ada\0', hotwords: 'Ada, Grace Hopper' }),
    ).toMatchObject({ prompt: 'About ComfyUI.', keywords: ['ComfyUI', 'Ada', 'Grace Hopper'] })
  })

  const words = (count: number, length: number) =>
    Array.from({ length: count }, (_, index) => `${index}`.padStart(length, 'x')).join()
  test.each([
    [{ temperature: '1.5' }, 'temperature is "1.5"; it takes a number from 0 to 1'],
    [{ prompt: 'x'.repeat(4001) }, 'prompt has 4001 characters; it takes at most 4000'],
    [{ keywords: words(101, 3) }, 'keywords has 101 entries; it takes at most 100'],
    [{ keywords: 'x'.repeat(101) }, 'keywords has an entry of 101 characters; it takes at most 100'],
    [{ keywords: words(21, 50) }, 'keywords has 1050 characters in all; it takes at most 1000'],
  ])('that are too long are refused', (fields: Record<string, string>, message) => {
    expect(() => optionsOf(fields)).toThrow(message)
  })

  test('may be as long as the limits', () => {
    expect(optionsOf({ prompt: 'x'.repeat(4000) }).prompt).toHaveLength(4000)
    expect(optionsOf({ keywords: words(100, 10) }).keywords).toHaveLength(100)
  })
})

describe('speakers', () => {
  const speakersOf = (fields: Record<string, string>) => {
    const { diarize, minSpeakers, maxSpeakers } = optionsOf(fields)
    return [diarize, minSpeakers, maxSpeakers]
  }

  test.each<[Record<string, string>, (number | boolean | null)[]]>([
    [{}, [false, null, null]],
    [{ speakers: 'true' }, [true, null, null]],
    [{ speakers: 'Yes' }, [true, null, null]],
    [{ speakers: 'false' }, [false, null, null]],
    [{ speakers: '0' }, [false, null, null]],
    [{ speakers: ' 3 ' }, [true, 3, 3]],
    [{ speakers: 'true', min_speakers: '2', max_speakers: '4' }, [true, 2, 4]],
    [{ max_speakers: '4' }, [true, null, 4]],
  ])('%j are read', (fields, options) => {
    expect(speakersOf(fields)).toEqual(options)
  })

  test.each<[Record<string, string>, string]>([
    [{ speakers: 'two' }, 'speakers is "two"; it takes true or false, or the number of speakers'],
    [{ speakers: '51' }, 'speakers is "51"; it takes a whole number from 1 to 50'],
    [{ speakers: '3', max_speakers: '4' }, 'send min_speakers and max_speakers with speakers=true'],
    [{ speakers: 'no', max_speakers: '4' }, 'speakers is false'],
    [
      { min_speakers: '5', max_speakers: '4' },
      'max_speakers is 4; it must not be less than min_speakers (5)',
    ],
    [{ min_speakers: '0' }, 'min_speakers is "0"; it takes a whole number from 1 to 50'],
  ])('%j are refused', (fields, message) => {
    expect(() => speakersOf(fields)).toThrow(message)
  })
})
