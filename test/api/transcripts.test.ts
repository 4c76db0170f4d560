import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { silence } from '../support/pcm.ts'
import { stereoWav } from '../support/recordings.ts'
import { finishWith } from '../support/rows.ts'
import { segmentOf } from '../support/scripted-engine.ts'
import { parseWebVtt } from '../support/webvtt.ts'

const HEARD = [
  segmentOf({
    start: 0.06,
    end: 2.68,
    text: ' The old library stands beside the river.',
    language: 'en',
    avgLogprob: -0.25,
    compressionRatio: 1.2,
    noSpeechProb: 0.01,
    words: [
      { start: 0.06, end: 1, word: ' The old library', probability: 0.9 },
      { start: 1, end: 2.68, word: ' stands beside the river.', probability: null },
    ],
  }),
  segmentOf({ start: 3, end: 4.5, text: ' A < B', language: 'en', words: [] }),
]

const CLIPPED = { code: 'clipped', message: 'The loudest sounds are distorted' } as const

describe.each(databases)('a transcript on $name', (kind) => {
  let service: TestService
  let ada: Client
  let id: string

  beforeAll(async () => {
    service = await startService({ kind })
    const anyone = clientOf(service.url)
    ada = anyone.as(await anyone.newToken())
    id = await finished({ words: 'true' })
  })
  afterAll(() => service.close())

  async function finished(fields: Record<string, string>, heard = HEARD) {
    const { body } = await ada.upload(fixture('speech.mp3'), { language: 'auto', ...fields })
    const id = textAt(body, 'transcription_id')
    await finishWith(service.db, { id, seconds: 7, heard, warnings: [CLIPPED] })
    return id
  }

  /** A call whose second channel speaks during the first sentence of the first. */
  async function finishedCall() {
    const stereo = new Blob([stereoWav(silence(7), silence(7))])
    const { body } = await ada.upload(stereo, { channels: 'split' })
    const id = textAt(body, 'transcription_id')
    await finishWith(service.db, {
      id,
      seconds: 7,
      heard: [
        segmentOf({ start: 0, end: 2, text: ' Every morning I take the train' }),
        segmentOf({ start: 2.1, end: 3, text: ' to work.' }),
        segmentOf({ start: 5, end: 6, text: ' And you?' }),
      ],
      right: [
        segmentOf({ start: 1, end: 2.5, text: ' A & B.' }),
        segmentOf({ start: 2.5, end: 4, text: ' Really?' }),
      ],
    })
    return id
  }

  const read = async (query: string, accept?: string, of = id) => {
    const { status, headers, body } = await ada.ask(`/api/transcriptions/${of}/transcript${query}`, {
      ...(accept !== undefined && { headers: { accept } }),
    })
    return { status, type: headers.get('content-type'), vary: headers.get('vary'), body }
  }

  const TEXTS = {
    txt: ['text/plain', 'The old library stands beside the river. A < B\n'],
    srt: [
      'application/x-subrip',
      '1\n00:00:00,060 --> 00:00:02,680\nThe old library stands beside the river.\n\n' +
        '2\n00:00:03,000 --> 00:00:04,500\nA < B\n\n',
    ],
    vtt: [
      'text/vtt',
      'WEBVTT\n\n00:00:00.060 --> 00:00:02.680\nThe old library stands beside the river.\n\n' +
        '00:00:03.000 --> 00:00:04.500\nA &lt; B\n\n',
    ],
    tsv: [
      'text/tab-separated-values',
      'start\tend\ttext\n60\t2680\tThe old library stands beside the river.\n3000\t4500\tA < B\n',
    ],
  } as const

  test.each(Object.entries(TEXTS))(
    '%s is returned by format name and by media type',
    async (format, [type, body]) => {
      const answer = { status: 200, type: `${type}; charset=utf-8`, vary: 'Accept', body }
      expect(await read(`?format=${format}`)).toEqual(answer)
      expect(await read(`?format=${format}`, 'application/json')).toEqual(answer)
      expect(await read('', `image/png, ${type};q=0.9, application/json;q=0.1`)).toEqual(answer)
    },
  )

  test('JSON has the warnings', async () => {
    expect((await read('')).body).toMatchObject({ id, warnings: [CLIPPED] })
  })

  test('the channels of a call are told apart in subtitles and in plain text', async () => {
    const call = await finishedCall()
    const [txt, srt, vtt] = await Promise.all(
      ['txt', 'srt', 'vtt'].map(async (format) => String((await read(`?format=${format}`, '', call)).body)),
    )
    expect(txt).toBe(
      'Channel 1: Every morning I take the train to work.\nChannel 2: A & B. Really?\nChannel 1: And you?\n',
    )
    expect(srt).toBe(
      '1\n00:00:00,000 --> 00:00:02,000\nChannel 1: Every morning I take the train\n\n' +
        '2\n00:00:01,000 --> 00:00:02,500\nChannel 2: A & B.\n\n' +
        '3\n00:00:02,100 --> 00:00:03,000\nChannel 1: to work.\n\n' +
        '4\n00:00:02,500 --> 00:00:04,000\nChannel 2: Really?\n\n' +
        '5\n00:00:05,000 --> 00:00:06,000\nChannel 1: And you?\n\n',
    )
    expect(parseWebVtt(vtt ?? '')).toEqual([
      { start: 0, end: 2, voice: 'Channel 1', text: 'Every morning I take the train' },
      { start: 1, end: 2.5, voice: 'Channel 2', text: 'A & B.' },
      { start: 2.1, end: 3, voice: 'Channel 1', text: 'to work.' },
      { start: 2.5, end: 4, voice: 'Channel 2', text: 'Really?' },
      { start: 5, end: 6, voice: 'Channel 1', text: 'And you?' },
    ])
  })

  test('the text of a call has a line for each turn, in the status and in JSON', async () => {
    const call = await finishedCall()
    const text = 'Every morning I take the train to work.\nA & B. Really?\nAnd you?'
    expect((await ada.ask(`/api/transcriptions/${call}/`)).body).toMatchObject({ transcription: text })
    expect((await read('', undefined, call)).body).toMatchObject({
      text,
      segments: [{ channel: 0 }, { channel: 1 }, { channel: 0 }, { channel: 1 }, { channel: 0 }],
    })
    expect((await read('?format=verbose_json', undefined, call)).body).toMatchObject({ text })
  })

  test('separate channels of a mono file are not labelled', async () => {
    const mono = await finished({ channels: 'split' })
    for (const format of ['txt', 'srt', 'vtt']) {
      const { body } = await read(`?format=${format}`, undefined, mono)
      expect(String(body)).not.toContain('Channel')
      expect(body).toEqual((await read(`?format=${format}`)).body)
    }
  })

  test('bom=true puts a byte order mark before a text format, and only then', async () => {
    const bytesOf = async (query: string) => {
      const url = `${service.url}/api/transcriptions/${id}/transcript${query}`
      const response = await fetch(url, { headers: ada.headers })
      return Buffer.from(await response.arrayBuffer())
    }
    for (const format of ['txt', 'srt', 'vtt', 'tsv']) {
      const plain = await bytesOf(`?format=${format}`)
      for (const no of ['false', '0', 'No', '']) {
        expect(await bytesOf(`?format=${format}&bom=${no}`)).toEqual(plain)
      }
      expect(await bytesOf(`?format=${format}&bom=YES`)).toEqual(await bytesOf(`?format=${format}&bom=true`))
      expect(await bytesOf(`?format=${format}&bom=true`)).toEqual(Buffer.from([0xef, 0xbb, 0xbf, ...plain]))
    }
    parseWebVtt(String(await bytesOf('?format=vtt&bom=true')))
  })

  test('bom=true is refused for JSON, with the formats that allow it', async () => {
    for (const query of ['?bom=true', '?bom=true&format=json', '?bom=true&format=verbose_json']) {
      const { status, body } = await read(query)
      expect({ status, body }).toMatchObject({ status: 400, body: { code: 'validation' } })
      expect(textAt(body, 'error')).toMatch(/^bom is true.*srt, vtt, txt or tsv/)
    }
  })

  test('verbose_json has OpenAI’s fields and the warnings, and no others', async () => {
    const { status, type, body } = await read('?format=verbose_json')
    expect({ status, type }).toEqual({ status: 200, type: 'application/json;charset=utf-8' })
    const unknown = { tokens: [], temperature: 0 }
    expect(body).toEqual({
      task: 'transcribe',
      language: 'english',
      duration: 7,
      text: 'The old library stands beside the river. A < B',
      warnings: [CLIPPED],
      segments: [
        {
          ...unknown,
          id: 0,
          seek: 6,
          start: 0.06,
          end: 2.68,
          text: ' The old library stands beside the river.',
          avg_logprob: -0.25,
          compression_ratio: 1.2,
          no_speech_prob: 0.01,
        },
        {
          ...unknown,
          id: 1,
          seek: 300,
          start: 3,
          end: 4.5,
          text: ' A < B',
          avg_logprob: 0,
          compression_ratio: 0,
          no_speech_prob: 0,
        },
      ],
      words: [
        { word: 'The old library', start: 0.06, end: 1 },
        { word: 'stands beside the river.', start: 1, end: 2.68 },
      ],
    })
  })

  test('words are included only if the upload requested them', async () => {
    const plain = await finished({})
    expect((await read('?format=verbose_json', undefined, plain)).body).not.toHaveProperty('words')
    expect((await read('', undefined, plain)).body).toMatchObject({
      segments: [{ text: 'The old library stands beside the river.' }, { text: 'A < B' }],
    })
    expect((await read('')).body).toMatchObject({ segments: [{ words: [{}, {}] }, { words: [] }] })
  })

  test('a translation is in English', async () => {
    const translated = await finished({ task: 'translate', language: 'de' })
    expect((await read('?format=verbose_json', undefined, translated)).body).toMatchObject({
      task: 'translate',
      language: 'english',
    })
  })

  test('silence has a transcript in every format', async () => {
    const silent = await finished({ words: 'true' }, [])
    const formats = ['txt', 'srt', 'vtt', 'tsv'].map((format) => read(`?format=${format}`, undefined, silent))
    expect((await Promise.all(formats)).map(({ body }) => body)).toEqual([
      '\n',
      '',
      'WEBVTT\n\n',
      'start\tend\ttext\n',
    ])
    expect((await read('?format=verbose_json', undefined, silent)).body).toMatchObject({
      text: '',
      segments: [],
      words: [],
    })
  })

  test.each([undefined, '*/*', 'text/html, */*;q=0.1', 'application/json'])(
    'Accept: %s is JSON',
    async (accept) => {
      expect(await read('', accept)).toMatchObject({
        status: 200,
        type: 'application/json;charset=utf-8',
        body: { id },
      })
    },
  )

  test('an unknown media type is refused with 406', async () => {
    expect(await read('', 'application/pdf, text/*;q=0')).toMatchObject({
      status: 406,
      body: { error: expect.stringContaining('text/vtt'), code: 'not_acceptable' },
    })
  })

  test('an unknown format is refused with 400', async () => {
    for (const format of ['docx', '', 'SRT', 'toString']) {
      const { status, body } = await read(`?format=${format}`)
      expect({ status, body }).toMatchObject({ status: 400, body: { code: 'validation' } })
      expect(textAt(body, 'error')).toContain('format')
    }
  })

  test('no request is logged as a defect', () => expect(service.logged).toEqual([]))
})
