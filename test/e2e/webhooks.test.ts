import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { signUp } from '../support/client.ts'
import { startService, withFolder } from '../support/service.ts'
import { openReceiver, verified } from '../support/webhook-receiver.ts'

const SPEECH = Bun.file(join(import.meta.dir, '../fixtures/speech.mp3'))

test('messages that failed before kill -9 are delivered after the restart, also a callback', async () => {
  const receiver = openReceiver()
  receiver.answer(() => new Response(null, { status: 503 }))
  await withFolder(async (folder) => {
    const env = { DATA_DIR: folder, OUTBOUND_ALLOW: '127.0.0.1' }
    const first = await startService(env)
    const user = await signUp(first.url)
    const registered = await fetch(`${first.url}/api/webhooks`, {
      method: 'POST',
      headers: { ...user.headers, 'Content-Type': 'application/json' },
      body: JSON.stringify({ url: receiver.url }),
    })
    const { id: webhook, secret }: { id: string; secret: string } = await registered.json()
    const id = await user.upload(SPEECH)
    const callback = `callback=${encodeURIComponent(`${receiver.url}?deepgram`)}`
    const listened = await fetch(`${first.url}/deepgram/v1/listen?${callback}`, {
      method: 'POST',
      headers: user.headers,
      body: SPEECH,
    })
    const { request_id }: { request_id: string } = await listened.json()
    await receiver.count(3)
    await first.kill('SIGKILL')
    receiver.reset()

    console.log(first.output.join('\n'))
    const second = await startService(env)
    const messages = await receiver.count(3)
    expect(messages.map(({ body }) => JSON.parse(body))).toContainEqual(
      expect.objectContaining({
        metadata: expect.objectContaining({ request_id }),
        results: expect.objectContaining({ channels: [expect.anything()] }),
      }),
    )
    const message = messages.find(({ body }) => JSON.parse(body).data?.id === id)
    expect(message && verified(message, secret)).toMatchObject({
      type: 'transcription.completed',
      data: { id, links: { transcript: `${second.url}/api/transcriptions/${id}/transcript` } },
    })
    const log = await fetch(`${second.url}/api/webhooks/${webhook}/deliveries`, { headers: user.headers })
    const { deliveries }: { deliveries: { id: string }[] } = await log.json()
    expect(deliveries.map((delivery) => delivery.id)).toContain(message?.id ?? '')
    expect(await second.kill('SIGTERM')).toBe(0)
  })
  await receiver.close()
}, 600_000)
