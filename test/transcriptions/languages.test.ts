import { describe, expect, test } from 'bun:test'
import { VerbatimError } from '../../src/errors.ts'
import { joinTexts, parseLanguage } from '../../src/transcriptions/transcript/languages.ts'

describe('parseLanguage', () => {
  for (const [text, code] of [
    ['en', 'en'],
    ['EN', 'en'],
    [' de ', 'de'],
    ['en-US', 'en'],
    ['zh_Hant_TW', 'zh'],
    ['yue', 'yue'],
    ['haw', 'haw'],
    ['Auto', 'auto'],
  ] as const) {
    test(`parses ${JSON.stringify(text)} as ${code}`, () => expect(parseLanguage(text)).toBe(code))
  }

  for (const text of ['', 'english', 'tlh', 'e', '-en', 'constructor', "en'; drop table users"]) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      const attempt = () => parseLanguage(text)
      expect(attempt).toThrow(VerbatimError)
      expect(attempt).toThrow(JSON.stringify(text))
    })
  }

  test('reports an error in one short line, however long the text is', () => {
    expect(() => parseLanguage('x'.repeat(100_000))).toThrow(/^.{1,150}$/)
  })
})

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
