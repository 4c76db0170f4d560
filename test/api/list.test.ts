import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { transcriptions } from '../../src/db/schema.ts'
import { startProcessing } from '../../src/transcriptions/pipeline/decoded.store.ts'
import { cancelOwned, type NewTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { type Client, clientOf } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { finishWith, insertOwned } from '../support/rows.ts'
import { segmentOf } from '../support/scripted-engine.ts'

const CLIPPED = { code: 'clipped', message: 'The loudest sounds are distorted' } as const

type Page = {
  transcriptions: { id: string; [name: string]: unknown }[]
  next_cursor: string | null
  counts?: Record<string, number>
}

describe.each(databases)('the list on $name', (kind) => {
  let service: TestService
  let anyone: Client

  beforeAll(async () => {
    service = await startService({ kind })
    anyone = clientOf(service.url)
  })
  afterAll(() => service.close())

  /** Registers a user, with functions to insert and to list transcriptions. */
  async function newUser() {
    const token = await anyone.newToken()
    const client = anyone.as(token)
    const payload: { sub: string } = JSON.parse(atob(token.split('.')[1] ?? ''))
    return {
      client,
      userId: payload.sub,
      async insert(other: Partial<NewTranscription> = {}, text?: string) {
        const id = await insertOwned(service.db, { ...other, userId: payload.sub })
        if (text === undefined) return id
        const { warnings = [] } = other
        await finishWith(service.db, { id, seconds: 2, heard: [segmentOf({ text })], warnings })
        return id
      },
      async list(query: Record<string, string> = {}, path = '/api/transcriptions'): Promise<Page> {
        const { status, body } = await client.ask(`${path}?${new URLSearchParams(query)}`)
        expect({ status, body }).toMatchObject({ status: 200 })
        return body as Page
      },
    }
  }

  const idsOf = ({ transcriptions }: Page) => transcriptions.map(({ id }) => id)

  test.each(['/api/transcriptions', '/api/transcriptions/'])(
    '%s returns the transcriptions',
    async (path) => {
      const user = await newUser()
      const id = await user.insert(
        { language: 'auto', filename: 'talk.mp3', warnings: [CLIPPED] },
        ` The old library ${'x'.repeat(300)}`,
      )
      const { transcriptions, next_cursor, counts } = await user.list({}, path)
      expect(transcriptions).toEqual([
        {
          id,
          status: 'completed',
          created_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/),
          completed_at: expect.stringMatching(/Z$/),
          language: 'en',
          task: 'transcribe',
          filename: 'talk.mp3',
          size: 1,
          duration: 2,
          progress: 1,
          excerpt: `The old library ${'x'.repeat(184)}`,
          warnings: [CLIPPED],
          failure: null,
        },
      ])
      expect(next_cursor).toBeNull()
      expect(counts).toEqual({ queued: 0, processing: 0, completed: 1, failed: 0, canceled: 0 })
    },
  )

  test('has no transcription of another user, and requires a token', async () => {
    const [ada, eve] = [await newUser(), await newUser()]
    await ada.insert({}, 'secret words')
    const nothing = { transcriptions: [], next_cursor: null }
    expect(await eve.list()).toMatchObject({ ...nothing, counts: { queued: 0, completed: 0 } })
    expect(await eve.list({ q: 'secret' })).toMatchObject(nothing)
    expect((await anyone.ask('/api/transcriptions')).status).toBe(401)
  })

  test('returns each transcription once, the latest first, while more are uploaded', async () => {
    const user = await newUser()
    // Within a microsecond of each other, and several at the same time.
    const times = ['00.000001', '00.000001', '00.000001', '00.000002', '00.000003', '00.000003', '01.5']
    const ids: string[] = []
    for (const time of times) {
      const id = await user.insert()
      await setTime(id, `2026-01-01T00:00:${time}Z`)
      ids.push(id)
    }
    const told: string[] = []
    let cursor: string | null = null
    let pages = 0
    do {
      const page: Page = await user.list({ limit: '2', ...(cursor && { cursor }) })
      expect(page.counts === undefined).toBe(pages > 0)
      told.push(...idsOf(page))
      cursor = page.next_cursor
      pages++
      await user.insert()
    } while (cursor)
    expect(pages).toBe(4)
    expect(told).toHaveLength(7)
    expect(new Set(told)).toEqual(new Set(ids))
    expect(told[0]).toBe(ids[6] ?? '')
    expect(told.slice(1, 3).toSorted()).toEqual(ids.slice(4, 6).toSorted())
    expect(told[3]).toBe(ids[3] ?? '')
  })

  async function setTime(id: string, time: string) {
    await service.db
      .update(transcriptions)
      .set({ createdAt: sql`${time}::timestamptz` })
      .where(eq(transcriptions.id, id))
  }

  test('filters by status, language and day, separately and combined', async () => {
    const user = await newUser()
    const [queued, processing, canceled] = [await user.insert(), await user.insert(), await user.insert()]
    await startProcessing(service.db, processing)
    await cancelOwned(service.db, { id: canceled, userId: user.userId })
    const german = await user.insert({ language: 'de' }, 'Guten Tag')
    const heard = await user.insert({ language: 'auto' }, 'Good day')
    await setTime(german, '2026-01-31T23:59:59.9Z')
    await setTime(queued, '2026-02-01T00:00:00Z')

    const asked = async (query: Record<string, string>) => new Set(idsOf(await user.list(query)))
    expect(await asked({ status: 'queued' })).toEqual(new Set([queued]))
    expect(await asked({ status: 'canceled' })).toEqual(new Set([canceled]))
    expect(await asked({ status: 'completed' })).toEqual(new Set([german, heard]))
    expect(await asked({ language: 'de' })).toEqual(new Set([german]))
    expect(await asked({ language: 'English' })).toEqual(new Set([queued, processing, canceled, heard]))
    expect(await asked({ language: 'en', status: 'completed' })).toEqual(new Set([heard]))
    expect(await asked({ created_to: '2026-01-31' })).toEqual(new Set([german]))
    expect(await asked({ created_to: '2026-02-01T01:00:00+01:00' })).toEqual(new Set([german]))
    expect(await asked({ created_from: '2026-01-31', created_to: '2026-02-01' })).toEqual(
      new Set([german, queued]),
    )
    expect(await asked({ created_from: '2026-02-01', created_to: '2026-02-01' })).toEqual(new Set([queued]))
    expect(await asked({ created_from: '2026-02-02', language: 'de' })).toEqual(new Set())
    expect(await asked({ q: 'tag', language: 'de', created_to: '2026-01-31' })).toEqual(new Set([german]))
    expect(await asked({ q: 'tag', status: 'failed' })).toEqual(new Set())
    expect((await user.list({ status: 'queued' })).counts).toEqual({
      queued: 1,
      processing: 1,
      completed: 2,
      failed: 0,
      canceled: 1,
    })
  })

  describe('search by words', () => {
    test.each([
      ['The old library stands beside the river.', 'library', true],
      ['The old library stands beside the river.', 'RIVER old', true],
      ['The old library stands beside the river.', 'libr', true],
      ['The old library stands beside the river.', 'libr river', false],
      ['The old library stands beside the river.', 'brary', false],
      ['The old library stands beside the river.', 'library mountain', false],
      ['It’s about 3.5 and/or a@example.com, “really”.', 'or 3.5 example really', true],
      ['Das Café an der Straße, ÜBER allem', 'über café', true],
      ['今日は良い天気です。', '天気', true],
      ['今日は良い天気です。', '気天', false],
      ['東京タワーへ行く', 'タワー 東京', true],
      ['สวัสดีครับ ยินดีต้อนรับ', 'ครับ', true],
      ['Добрый день', 'ДЕНЬ', true],
      ['Ein Café'.normalize('NFD'), 'café'.normalize('NFC'), true],
      ['Ein Café'.normalize('NFC'), 'café'.normalize('NFD'), true],
      ['한국어 음성'.normalize('NFD'), '한국'.normalize('NFC'), true],
      ["anything 'at' all & <-> !( :* |", "'at' & !( | :*", true],
      ['anything at all', '%', false],
      ['anything at all', '\0', false],
      ['anything at all', '" & | ! ( ) : *', false],
    ])('in %j is %j: %p', async (text, q, isThere) => {
      const user = await newUser()
      await user.insert({}, 'something else')
      const id = await user.insert({}, text)
      expect(idsOf(await user.list({ q }))).toEqual(isThere ? [id] : [])
    })

    test('finds words of the file name, also without a text, and in pages', async () => {
      const user = await newUser()
      const ids = [
        await user.insert({ filename: 'board-meeting_2026.mp3' }),
        await user.insert({ filename: 'other.mp3' }),
        await user.insert({ filename: 'Meeting.wav' }, 'nothing'),
        await user.insert({ filename: null }, 'a meeting'),
        await user.insert({ filename: 'Übung.mp3'.normalize('NFD') }),
      ]
      const first = await user.list({ q: 'meeting', limit: '2' })
      const second = await user.list({ q: 'meeting', limit: '2', cursor: first.next_cursor ?? '' })
      expect([...idsOf(first), ...idsOf(second)]).toEqual([ids[3], ids[2], ids[0]].map((id) => id ?? ''))
      expect(second.next_cursor).toBeNull()
      expect(idsOf(await user.list({ q: 'übung'.normalize('NFC') }))).toEqual([ids[4] ?? ''])
    })

    test('returns all transcriptions if the query has no word', async () => {
      const user = await newUser()
      const id = await user.insert()
      expect(idsOf(await user.list({ q: ' ' }))).toEqual([id])
    })

    test('finds the first words of a text of a million different words', async () => {
      const user = await newUser()
      const text = Array.from({ length: 300_000 }, (_, index) => index.toString(36).padStart(6, 'w')).join(
        ' ',
      )
      const id = await user.insert({}, `beginning ${text}`)
      expect(idsOf(await user.list({ q: 'beginning' }))).toEqual([id])
      expect((await user.client.ask(`/api/transcriptions/${id}`)).body).toMatchObject({ status: 'completed' })
    })
  })

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=two', 'limit'],
    ['status=done', 'status'],
    ['language=jp', 'language'],
    ['created_from=yesterday', 'created_from'],
    ['created_from=2026-02-31', 'created_from'],
    ['created_to=99999-01-01', 'created_to'],
    ['created_to=2026-01-01T25:00:00Z', 'created_to'],
    ['created_to=0000-01-01', 'created_to'],
    ['cursor=x', 'cursor'],
    ['cursor=%00', 'cursor'],
    [`cursor=${btoa(`2026-13-01T00:00:00.000000Z/${crypto.randomUUID()}`)}`, 'cursor'],
    [`q=${'x'.repeat(201)}`, 'q'],
  ])('?%s: 400 that names it', async (query, name) => {
    const { client } = await newUser()
    const { status, body } = await client.ask(`/api/transcriptions?${query}`)
    expect({ status, body }).toEqual({
      status: 400,
      body: { error: expect.stringContaining(name), code: 'validation' },
    })
  })

  test('no request is logged as a defect', () => expect(service.logged).toEqual([]))
})
