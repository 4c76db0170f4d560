import { describe, expect, test } from 'bun:test'
import { type Heard, languageMismatch } from '../../src/transcriptions/pipeline/language-mismatch.ts'

const heard = (seconds: number, language: string, probability: number): Heard => ({
  seconds,
  language,
  probability,
})

function messageOf(
  stretches: Heard[],
  row: Partial<Parameters<typeof languageMismatch>[0]['row']> = {},
  used = 'en',
) {
  const speechSeconds = stretches.reduce((sum, { seconds }) => sum + seconds, 0)
  const requested = { language: 'en', task: 'transcribe', isLanguageDefault: false, ...row } as const
  return languageMismatch({ row: requested, used, heard: stretches, speechSeconds })?.message ?? null
}

describe('a language mismatch', () => {
  test.each<[string, Heard[], string?]>([
    ['a clip of 4 s, even if it is sure', [heard(4, 'de', 0.99)]],
    ['an uncertain detection, however long', [heard(600, 'de', 0.79)]],
    ['less than half of the speech', [heard(60, 'en', 0.9), heard(50, 'de', 0.95)]],
    [
      'two other languages with less than half each',
      [heard(9, 'de', 0.9), heard(9, 'fr', 0.9), heard(3, 'en', 0.9)],
    ],
    ['a language that sounds like the requested one', [heard(60, 'sr', 0.95)], 'hr'],
    ['the requested language', [heard(60, 'en', 0.95)]],
    ['no detection at all', []],
  ])('is not reported for %s', (_, stretches, language = 'en') => {
    expect(messageOf(stretches, { language }, language)).toBeNull()
  })

  test('names both languages and the mean certainty by seconds of speech', () => {
    expect(messageOf([heard(30, 'haw', 0.9), heard(10, 'haw', 0.5), heard(20, 'en', 0.9)])).toBe(
      'English was requested, but Hawaiian was heard (80 % sure). If that is right, upload the file again with the language haw or auto.',
    )
  })

  test('of a translation says that the field is the spoken language', () => {
    expect(messageOf([heard(30, 'de', 0.97)], { task: 'translate' })).toBe(
      'English was requested, but German was heard (97 % sure). If that is right, upload the file again with the language de or auto. The field language is the spoken one, not that of the translation.',
    )
  })

  test('with the default language says that no language was given', () => {
    expect(messageOf([heard(30, 'de', 0.97)], { isLanguageDefault: true })).toBe(
      'No language was given, and the default, English, was used, but German was heard (97 % sure). If that is right, upload the file again with the language de or auto.',
    )
  })

  test('whose language replaced the default is reported also for a short clip and without a certainty', () => {
    const row = { isLanguageDefault: true }
    expect(messageOf([heard(2, 'de', 0.7)], row, 'de')).toBe(
      'No language was given. German was heard (70 % sure) and used instead of the default, English.',
    )
    expect(messageOf([], row, 'de')).toBe(
      'No language was given. German was heard and used instead of the default, English.',
    )
  })
})
