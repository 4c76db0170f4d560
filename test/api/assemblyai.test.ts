import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { AssemblyAI, type TranscriptParams } from 'assemblyai'
import { eq } from 'drizzle-orm'
import { uploadFields } from '../../src/assemblyai/fields.ts'
import { transcriptions, uploads } from '../../src/db/schema.ts'
import { audioKey } from '../../src/transcriptions/storage-keys.ts'
import { cancelOwned, fail, findTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { sweepAll } from '../retention/sweeping.ts'
import { type Client, fixture, textAt } from '../support/api-client.ts'
import type { TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { startRoutes } from '../support/other-apis.ts'
import { finishWith } from '../support/rows.ts'
import { segmentOf } from '../support/scripted-engine.ts'
import { parseWebVtt } from '../support/webvtt.ts'

const speech = await fixture('speech.mp3').bytes()

/** Words of 0.4 s, with a pause before each text of `texts` but the first. */
function spoken(texts: string[], { from = 0, pause = 0.2 } = {}) {
  let at = from
  return texts.map((text) => {
    const words = text.split(' ').map((word) => {
      const start = at
      at += 0.4
      return { start, end: at, word: ` ${word}`, probability: 0.5 }
    })
    const segment = segmentOf({
      start: words[0]?.start ?? 0,
      end: at,
      text: ` ${text}`,
      words,
      language: 'en',
    })
    at += pause
    return segment
  })
}

// test/e2e/assemblyai.test.ts runs AssemblyAI's client with real speech.
describe.each(databases)('AssemblyAI’s routes on $name', (kind) => {
  let routes: Awaited<ReturnType<typeof startRoutes>>
  let service: TestService
  let anyone: Client
  let ada: AssemblyAI
  let key: string

  beforeAll(async () => {
    routes = await startRoutes(kind)
    service = routes.service
    anyone = routes.anyone
  })
  afterAll(() => routes.close())
  beforeEach(async () => {
    key = await routes.newKey()
    ada = sdk(key)
  })

  const sdk = (apiKey: string) => new AssemblyAI({ apiKey, baseUrl: `${service.url}/assemblyai` })

  const upload = () => ada.files.upload(speech)

  const submit = async (params: Partial<TranscriptParams> & Record<string, unknown> = {}) =>
    ada.transcripts.submit({ audio_url: await upload(), ...params })

  const rowOf = async (id: string) => (await findTranscription(service.db, id)) ?? { status: 'missing' }

  /** The status and body of a request with the key alone. */
  async function ask(path: string, init: RequestInit = {}) {
    const { status, body } = await anyone.ask(`/assemblyai/v2${path}`, {
      ...init,
      headers: { authorization: key, 'content-type': 'application/json', ...init.headers },
    })
    return { status, body }
  }

  const post = (body: object) => ask('/transcript', { method: 'POST', body: JSON.stringify(body) })

  test('a request passes its options to the transcription of the upload', async () => {
    const { id, status, ...transcript } = await submit({
      language_code: 'de_ch',
      speech_model: 'best',
      speech_models: ['universal'],
      multichannel: true,
      audio_start_from: 1500,
      audio_end_at: 60_001,
      keyterms_prompt: ['ComfyUI', 'a, b'],
      word_boost: ['Ada'],
      boost_param: 'high',
      prompt: 'About libraries.',
      quality: 'fast',
      temperature: 0.4,
      punctuate: true,
      format_text: true,
      speaker_labels: false,
      summarization: false,
      redact_pii_sub: 'hash',
      webhook_url: '',
      topics: [],
    })
    expect({ status, ...transcript }).toMatchObject({
      status: 'queued',
      language_code: 'de',
      multichannel: true,
      audio_start_from: 1500,
      audio_end_at: 60_001,
      text: null,
      words: null,
      error: null,
      summary: null,
    })
    expect(await rowOf(id)).toMatchObject({
      words: true,
      language: 'de',
      channels: 'split',
      partStart: 1.5,
      partEnd: 60.001,
      keywords: ['ComfyUI', 'a, b', 'Ada'],
      prompt: 'About libraries.',
      quality: 'fast',
      temperature: 0.4,
      isEphemeral: false,
    })
    expect(await new Response(await service.storage.read(audioKey(id))).bytes()).toEqual(speech)
    expect((await service.files()).filter((file) => file.includes('/uploads/'))).toEqual([])
    const { body } = await anyone.as(key).ask('/api/transcriptions')
    expect(body).toMatchObject({ transcriptions: [{ id, status: 'queued' }] })
  })

  test('language_detection detects the language; without an option it is the default', async () => {
    const detected = await submit({ language_detection: true })
    expect(await rowOf(detected.id)).toMatchObject({ language: 'auto' })
    expect(detected.language_code).toBeNull()
    expect(await rowOf((await submit()).id)).toMatchObject({ language: 'en', isLanguageDefault: true })
  })

  test('speech_models that an engine runs are used, and others are not', () => {
    const models = [{ id: 'tiny.en', aliases: ['tiny'] }]
    const modelFor = (fields: object) =>
      uploadFields({ audio_url: 'https://example.com/talk.mp3', ...fields }, models).get('model')
    expect(modelFor({ speech_models: ['universal-3-pro', 'Tiny'] })).toBe('tiny.en')
    expect(modelFor({ speech_model: 'tiny.en' })).toBe('tiny.en')
    expect(modelFor({ speech_model: 'best' })).toBeUndefined()
  })

  test('custom_spelling becomes pairs of replace', () => {
    const fields = uploadFields(
      {
        audio_url: 'https://example.com/talk.mp3',
        custom_spelling: [{ from: ['dicarlo', 'di carlo'], to: 'Decarlo' }],
      },
      [],
    )
    expect(JSON.parse(fields.get('replace') ?? '')).toEqual([
      { heard: 'dicarlo', written: 'Decarlo' },
      { heard: 'di carlo', written: 'Decarlo' },
    ])
  })

  test.each([
    [{ speaker_labels: true, speakers_expected: 99 }, 'speakers_expected'],
    [{ summarization: true, summary_type: 'bullets' }, 'summarization'],
    [{ redact_pii: true, redact_pii_policies: ['drug'] }, 'redact_pii'],
    [{ speech_understanding: { request: { translation: {} } } }, 'speech_understanding'],
    [{ nonsense: 1 }, 'nonsense'],
    [{ punctuate: false }, 'punctuate'],
    [{ language_detection: true, language_code: 'en' }, 'language_detection'],
    [{ audio_start_from: 2000, audio_end_at: 1000 }, 'audio_end_at'],
    [{ audio_start_from: 1.5 }, 'audio_start_from'],
    [{ keyterms_prompt: 'Ada' }, 'keyterms_prompt'],
    [{ quality: 'worst' }, 'quality'],
    [{ audio_url: undefined }, 'audio_url'],
    [{ language_code: 'tlh' }, 'tlh'],
  ])('%j is refused by name', async (options, name) => {
    const audio_url = await upload()
    const { status, body } = await post({ audio_url, ...options })
    expect({ status, body }).toMatchObject({ status: 400, body: { error: expect.stringContaining(name) } })
    expect(await post({ audio_url })).toMatchObject({ status: 200 })
  })

  test('an upload can have several transcripts, also at the same time', async () => {
    const audio_url = await upload()
    const both = await Promise.all(
      ['en', 'de'].map((language_code) => ada.transcripts.submit({ audio_url, language_code })),
    )
    const later = await ada.transcripts.submit({ audio_url, language_code: 'fr' })
    const all = [...both, later]
    expect(new Set(all.map(({ id }) => id)).size).toBe(3)
    expect(all.map(({ language_code }) => language_code)).toEqual(['en', 'de', 'fr'])
    for (const { id } of all) {
      expect(await new Response(await service.storage.read(audioKey(id))).bytes()).toEqual(speech)
    }
  })

  test('another user cannot use an upload_url', async () => {
    const audio_url = await upload()
    const eve = sdk(await routes.newKey())
    await expect(eve.transcripts.submit({ audio_url })).rejects.toThrow('Upload not found')
    await expect(eve.transcripts.submit({ audio_url: `${audio_url.slice(0, -1)}x` })).rejects.toThrow(
      'Upload not found',
    )
    expect((await eve.transcripts.list()).transcripts).toEqual([])
    expect((await ada.transcripts.submit({ audio_url })).status).toBe('queued')
  })

  test('an upload without a transcript is removed after a day', async () => {
    const audio_url = await upload()
    const id = audio_url.slice(-36)
    const stored = async () => (await service.files()).filter((file) => file.includes(id))
    expect(await stored()).toHaveLength(1)
    await sweepAll(service)
    expect(await stored()).toHaveLength(1)
    await service.db
      .update(uploads)
      .set({ expiresAt: new Date(0) })
      .where(eq(uploads.id, id))
    await expect(ada.transcripts.submit({ audio_url })).rejects.toThrow('The upload has expired')
    await sweepAll(service)
    expect(await stored()).toEqual([])
    await expect(ada.transcripts.submit({ audio_url })).rejects.toThrow('Upload not found')
  })

  test.each([
    ['an empty body', new Uint8Array()],
    ['a text', 'This is not audio.'],
  ])('%s leaves no upload', async (_, body) => {
    const before = await service.files()
    const answer = await ask('/upload', { method: 'POST', body, headers: { 'content-type': 'text/plain' } })
    expect(answer).toMatchObject({ status: 400, body: { error: expect.any(String) } })
    expect(await service.files()).toEqual(before)
  })

  test('a file that is no audio is refused with its transcript, and removed', async () => {
    const before = await service.files()
    const audio_url = await ada.files.upload(new Uint8Array(5000).fill(7))
    expect(await post({ audio_url })).toMatchObject({ status: 415, body: { error: expect.any(String) } })
    expect(await service.files()).toEqual(before)
    expect(await post({ audio_url })).toMatchObject({ status: 404 })
  })

  test('a public URL is downloaded', async () => {
    const audio = routes.recordings
    const { id } = await ada.transcripts.submit({ audio: `${audio}/speech.mp3` })
    expect(await rowOf(id)).toMatchObject({ filename: 'speech.mp3', words: true })
    expect(await post({ audio_url: `${audio}/gone` })).toMatchObject({
      status: 502,
      body: { error: expect.stringContaining('404') },
    })
    expect(await post({ audio_url: 'http://192.168.0.1/talk.mp3' })).toMatchObject({ status: 400 })
    expect(await post({ audio_url: 'talk.mp3' })).toMatchObject({ status: 400 })
  })

  test('a completed transcript has words, sentences, paragraphs and captions', async () => {
    const { id } = await submit()
    const heard = spoken(
      ['The library stands', 'by the river. Is it', 'old? Yes. No. Maybe. Sure.', 'Fine'],
      {
        pause: 0,
      },
    )
    await finishWith(service.db, {
      id,
      seconds: 12,
      heard: [...heard, ...spoken(['Good night.'], { from: 9 })],
    })
    const transcript = await ada.transcripts.get(id)
    expect(transcript).toMatchObject({
      id,
      status: 'completed',
      text: 'The library stands by the river. Is it old? Yes. No. Maybe. Sure. Fine Good night.',
      audio_duration: 12,
      confidence: 0.5,
      language_code: 'en',
      utterances: null,
      speech_model_used: 'scripted',
    })
    expect(transcript.words?.slice(0, 2)).toEqual([
      { text: 'The', start: 0, end: 400, confidence: 0.5, channel: null, speaker: null },
      { text: 'library', start: 400, end: 800, confidence: 0.5, channel: null, speaker: null },
    ])
    const { sentences, ...head } = await ada.transcripts.sentences(id)
    expect(head).toEqual({ id, confidence: 0.5, audio_duration: 12, speech_model_used: 'scripted' })
    expect(sentences.map(({ text, start, end, words }) => [text, start, end, words.length])).toEqual([
      ['The library stands by the river.', 0, 2400, 6],
      ['Is it old?', 2400, 3600, 3],
      ['Yes.', 3600, 4000, 1],
      ['No.', 4000, 4400, 1],
      ['Maybe.', 4400, 4800, 1],
      ['Sure.', 4800, 5200, 1],
      ['Fine', 5200, 5600, 1],
      ['Good night.', 9000, 9800, 2],
    ])
    const { paragraphs } = await ada.transcripts.paragraphs(id)
    expect(paragraphs.map(({ text, start, end }) => [text, start, end])).toEqual([
      ['The library stands by the river. Is it old? Yes. No. Maybe.', 0, 4800],
      ['Sure. Fine', 4800, 5600],
      ['Good night.', 9000, 9800],
    ])
    const captions = parseWebVtt(await ada.transcripts.subtitles(id, 'vtt', 12))
    expect(captions.map(({ text }) => text)).toEqual([
      'The library',
      'stands',
      'by the',
      'river.',
      'Is it',
      'old?',
      'Yes.',
      'No.',
      'Maybe.',
      'Sure.',
      'Fine',
      'Good night.',
    ])
    expect(await ada.transcripts.subtitles(id, 'srt', 40)).toStartWith(
      '1\n00:00:00,000 --> 00:00:01,200\nThe library stands\n\n',
    )
    const { body } = await anyone.as(key).ask(`/api/transcriptions/${id}/transcript?format=srt`)
    expect(await ada.transcripts.subtitles(id, 'srt')).toBe(String(body))
    expect(await ask(`/transcript/${id}/srt?chars_per_caption=none`)).toMatchObject({ status: 400 })
  })

  test('with multichannel, words have channels and utterances are what each channel says', async () => {
    const { id } = await submit({ dual_channel: true })
    await service.db.update(transcriptions).set({ audioChannels: 2 }).where(eq(transcriptions.id, id))
    await finishWith(service.db, {
      id,
      seconds: 9,
      heard: [...spoken(['Hello. How are you?']), ...spoken(['Good.'], { from: 5 })],
      right: spoken(['Fine.'], { from: 3 }),
    })
    const { paragraphs } = await ada.transcripts.paragraphs(id)
    expect(paragraphs.map(({ text, start, end }) => [text, start, end])).toEqual([
      ['Hello. How are you?', 0, 1600],
      ['Fine.', 3000, 3400],
      ['Good.', 5000, 5400],
    ])
    const { utterances, words } = await ada.transcripts.get(id)
    expect(utterances?.map(({ text, channel, speaker }) => [text, channel, speaker])).toEqual([
      ['Hello. How are you?', '1', '1'],
      ['Fine.', '2', '2'],
      ['Good.', '1', '1'],
    ])
    expect(words?.map(({ text, channel }) => `${channel} ${text}`)).toEqual([
      ...['1 Hello.', '1 How', '1 are', '1 you?', '2 Fine.', '1 Good.'],
    ])
  })

  test('a transcript without words has sentences', async () => {
    const { body } = await anyone.as(key).upload(fixture('speech.mp3'))
    const id = textAt(body, 'transcription_id')
    await finishWith(service.db, { id, seconds: 2, heard: [segmentOf({ text: ' 今日は。 はい。', end: 2 })] })
    expect((await ada.transcripts.get(id)).words).toEqual([])
    const { sentences } = await ada.transcripts.sentences(id)
    expect(sentences.map(({ text, start, words }) => [text, start, words.length])).toEqual([
      ['今日は。', 0, 0],
      ['はい。', 1143, 0],
    ])
  })

  test('a failed or canceled transcript has the status error, and no sentences', async () => {
    const failed = await submit()
    await fail(service.db, { id: failed.id, code: 'corrupt', message: 'The audio is damaged' })
    const canceled = await submit()
    const row = await findTranscription(service.db, canceled.id)
    await cancelOwned(service.db, { id: canceled.id, userId: row?.userId ?? '' })
    expect(await ada.transcripts.get(failed.id)).toMatchObject({
      status: 'error',
      error: 'The audio is damaged',
    })
    expect(await ada.transcripts.get(canceled.id)).toMatchObject({
      status: 'error',
      error: 'The transcription was canceled',
    })
    for (const route of ['sentences', 'paragraphs', 'srt', 'vtt']) {
      expect(await ask(`/transcript/${failed.id}/${route}`)).toMatchObject({
        status: 409,
        body: { error: expect.stringContaining('the status error') },
      })
    }
    const { transcripts } = await ada.transcripts.list({ status: 'error' })
    expect(transcripts.map(({ id, error }) => [id, error])).toEqual([
      [canceled.id, 'The transcription was canceled'],
      [failed.id, 'The audio is damaged'],
    ])
  })

  test('the list leads from page to page, in both directions', async () => {
    const audio_url = await upload()
    const ids: string[] = []
    for (let count = 0; count < 5; count++) ids.unshift((await ada.transcripts.submit({ audio_url })).id)
    const read = async (page: Parameters<typeof ada.transcripts.list>[0]) => {
      const { page_details, transcripts } = await ada.transcripts.list(page)
      return { ...page_details, ids: transcripts.map(({ id }) => id) }
    }
    const first = await read({ limit: 2, status: 'queued', after_id: '' })
    expect(first).toMatchObject({ ids: ids.slice(0, 2), limit: 2, result_count: 2, next_url: null })
    const second = await read(first.prev_url ?? '')
    expect(second.ids).toEqual(ids.slice(2, 4))
    expect(await read(second.current_url)).toEqual(second)
    const last = await read(second.prev_url ?? '')
    expect(last).toMatchObject({ ids: ids.slice(4), result_count: 1, prev_url: null })
    const back = await read(last.next_url ?? '')
    expect(back.ids).toEqual(ids.slice(2, 4))
    expect(await read(back.next_url ?? '')).toMatchObject({ ids: ids.slice(0, 2), next_url: null })
    expect((await read({ status: 'completed' })).ids).toEqual([])
    const [{ created = new Date() } = {}] = (await ada.transcripts.list({ limit: 1 })).transcripts
    expect((await read({ created_on: created.toISOString().slice(0, 10) })).ids).toEqual(ids)
    expect((await read({ created_on: '2020-01-31' })).ids).toEqual([])
    const eve = sdk(await routes.newKey())
    await expect(eve.transcripts.list({ before_id: ids[0] ?? '' })).rejects.toThrow('not found')
    expect(await ask(`/transcript?before_id=${ids[0]}&after_id=${ids[1]}`)).toMatchObject({ status: 400 })
  })

  test('a deleted transcript is gone with its audio and its upload', async () => {
    const uploaded = await upload()
    const { id } = await ada.transcripts.submit({ audio_url: uploaded })
    const { audio_url } = await ada.transcripts.get(id)
    expect((await fetch(audio_url)).status).toBe(200)
    expect(await ada.transcripts.delete(id)).toMatchObject({ id, text: 'Deleted by user.', words: null })
    expect((await service.files()).filter((file) => file.includes(id))).toEqual([])
    await expect(ada.transcripts.get(id)).rejects.toThrow('Transcription not found')
    await expect(ada.transcripts.submit({ audio_url: uploaded })).rejects.toThrow('Upload not found')
  })

  test('a wrong key is refused, and a read-only key cannot upload', async () => {
    await expect(sdk('vk_nobody').transcripts.list()).rejects.toThrow('The API key is invalid or revoked')
    const reader = sdk(await routes.newKey(['read']))
    expect((await reader.transcripts.list()).transcripts).toEqual([])
    await expect(reader.files.upload(speech)).rejects.toThrow('read-only')
    const bearer = await ask('/transcript', { headers: { authorization: `Bearer ${key}` } })
    expect(bearer.status).toBe(200)
    expect((await ask('/transcript', { headers: { authorization: `Basic ${key}` } })).status).toBe(401)
    expect((await anyone.ask('/api/transcriptions', { headers: { authorization: key } })).status).toBe(401)
  })
})
