import { describe, expect, test } from 'bun:test'
import { VerbatimError } from '../../src/errors.ts'
import { parseLanguage } from '../../src/transcriptions/intake/requested-language.ts'
import { joinTexts } from '../../src/transcriptions/transcript/languages.ts'
import { LANGUAGES } from '../../src/whisper-languages.ts'

describe('parseLanguage', () => {
  for (const [form, languages] of Object.entries({
    'a code in any case, with spaces': {
      en: 'en',
      EN: 'en',
      ' de ': 'de',
      yue: 'yue',
      haw: 'haw',
      Auto: 'auto',
    },
    'a tag with a region, script or variant': {
      ...{
        'en-US': 'en',
        'en-in': 'en',
        'pt-BR': 'pt',
        'sr-Latn-RS': 'sr',
        'zh-cmn-Hans-CN': 'zh',
        'zh-yue': 'yue',
      },
    },
    'a POSIX locale': { 'en_US.UTF-8': 'en', 'sr_RS@latin': 'sr', zh_Hant_TW: 'zh' },
    'an English name': {
      ...{ English: 'en', 'haitian creole': 'ht', haitian_creole: 'ht', Burmese: 'my', Valencian: 'ca' },
      ...{ Flemish: 'nl', Haitian: 'ht', Letzeburgesch: 'lb', Pushto: 'ps', Panjabi: 'pa', Moldavian: 'ro' },
      ...{ Moldovan: 'ro', Sinhalese: 'si', Castilian: 'es', Mandarin: 'zh', 'Norwegian Bokmål': 'no' },
    },
    'a three-letter code': {
      ...{
        eng: 'en',
        deu: 'de',
        ger: 'de',
        zho: 'zh',
        chi: 'zh',
        ces: 'cs',
        cze: 'cs',
        fas: 'fa',
        per: 'fa',
      },
      ...{ mya: 'my', bur: 'my', mri: 'mi', mao: 'mi', jav: 'jw', tgl: 'tl', nno: 'nn' },
    },
    'a deprecated code': { iw: 'he', in: 'id', ji: 'yi', jv: 'jw', jw: 'jw', mo: 'ro', sh: 'sr' },
    'a language within a macrolanguage': {
      ...{ nb: 'no', nn: 'nn', fil: 'tl', cmn: 'zh', arb: 'ar', arz: 'ar', pes: 'fa', prs: 'fa', swh: 'sw' },
      ...{ zsm: 'ms', ekk: 'et', lvs: 'lv', khk: 'mn', plt: 'mg', uzn: 'uz' },
    },
  })) {
    test(`reads ${form}`, () => {
      const parsed = Object.keys(languages).map((text) => [text, parseLanguage(text).language])
      expect(Object.fromEntries(parsed)).toEqual(languages)
    })
  }

  test('reads every code and name of Whisper', () => {
    for (const [code, name] of LANGUAGES) {
      expect([code, name].map((text) => parseLanguage(text).language)).toEqual([code, code])
    }
  })

  test('reads the Chinese script from a script, a region or a name', () => {
    const scriptsOf = (texts: string[]) => new Set(texts.map((text) => parseLanguage(text).script))
    const simplified = [
      'zh-CN',
      'zh-SG',
      'zh-Hans',
      'zh_Hans_HK',
      'cmn-Hans',
      'Chinese (Simplified)',
      'yue-Hans',
    ]
    const traditional = ['zh-TW', 'zh-HK', 'zh-MO', 'zh-Hant', 'zh-Hant-CN', 'zho-TW', 'Traditional Chinese']
    expect(scriptsOf(simplified)).toEqual(new Set(['simplified']))
    expect(scriptsOf(traditional)).toEqual(new Set(['traditional']))
    expect(scriptsOf(['zh', 'Chinese', 'cmn', 'yue', 'auto', 'en-HK', 'pt-MO'])).toEqual(new Set([null]))
  })

  for (const text of [
    ...['', 'null', 'undefined', 'none', 'NaN', 'xx', 'tlh', 'klingon', 'e', '-en', 'constructor'],
    "en'; drop table users",
  ]) {
    test(`refuses ${JSON.stringify(text)} and says what it takes`, () => {
      const message = `language is ${JSON.stringify(text)}; it takes a language code`
      expect(refusalOf(text)).toEqual({ field: 'language', message: expect.stringContaining(message) })
    })
  }

  for (const [text, suggestion] of [
    ['jp', 'ja'],
    ['cn', 'zh'],
    ['gr', 'el'],
    ['kr', 'ko'],
    ['ua', 'uk'],
    ['dk', 'da'],
    ['se', 'sv'],
    ['jp-JP', 'ja'],
    ['englsh', 'english'],
    ['Portugese', 'portuguese'],
    ['haitan creole', 'haitian creole'],
  ] as const) {
    test(`refuses ${text} and suggests ${suggestion}`, () => {
      const message = `language is "${text}"; did you mean ${suggestion}?`
      expect(refusalOf(text)).toEqual({ field: 'language', message })
    })
  }

  test('suggests no language for a name that is far from all English names', () => {
    expect(refusalOf('deutsch').message).not.toContain('did you mean')
  })

  test('reports an error in one short line, however long the text is', () => {
    expect(refusalOf('x'.repeat(100_000)).message).toMatch(/^.{1,150}$/)
    expect(refusalOf(`${' '.repeat(100_000)}en`).message).toMatch(/^.{1,150}$/)
  })
})

function refusalOf(text: string) {
  try {
    parseLanguage(text)
  } catch (error) {
    if (error instanceof VerbatimError) return { field: error.field, message: error.message }
  }
  throw new Error(`${JSON.stringify(text)} was accepted, or failed otherwise`)
}

describe('joinTexts', () => {
  for (const [texts, joined] of [
    [[' Good morning.', ' How are you?'], 'Good morning. How are you?'],
    [['Good morning.', 'How are you?'], 'Good morning. How are you?'],
    [['Good morning. ', ' How are you?'], 'Good morning. How are you?'],
    [['今日は', '良い天気です。', '明日も'], '今日は良い天気です。明日も'],
    [['ユーザー', 'サーバー', 'です'], 'ユーザーサーバーです'],
    [['你好，', '世界！', '（再见）', '“好”'], '你好，世界！（再见） “好”'],
    [['สวัสดี', 'ครับ'], 'สวัสดีครับ'],
    [['안녕하세요.', '반갑습니다.'], '안녕하세요. 반갑습니다.'],
    [['नमस्ते।', 'आप कैसे हैं?'], 'नमस्ते। आप कैसे हैं?'],
    [['これは', 'a pen', 'です'], 'これは a pen です'],
    [['𠮷野家', '𠮷田'], '𠮷野家𠮷田'],
    [['', ' Yes.', '', ' No.', ''], 'Yes. No.'],
    [[], ''],
  ] as const) {
    test(`joins ${JSON.stringify(texts)}`, () => expect(joinTexts([...texts])).toBe(joined))
  }
})
