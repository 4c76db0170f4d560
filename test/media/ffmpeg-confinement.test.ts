import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compileCore } from '../../src/media/ffmpeg/compiled-core.ts'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { fixture, temporaryFolder } from '../support/recordings.ts'
import { decodeWhole } from './decode-whole.ts'

let connections = 0
const server = Bun.listen({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    open(socket) {
      connections += 1
      socket.end()
    },
    data() {},
  },
})
const media = ffmpegMedia()

beforeAll(async () => {
  // The listener itself works: otherwise no count of connections would say anything.
  await fetch(`http://127.0.0.1:${server.port}/`).catch(() => {})
  expect(connections).toBe(1)
  connections = 0
})

afterAll(async () => {
  server.stop(true)
  await media.close()
})

const decoy = fixture('speech.wav')
const address = `http://127.0.0.1:${server.port}/speech.wav`

test.each([
  [
    'hls',
    `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${address}\n#EXTINF:10,\nfile://${decoy}\n#EXT-X-ENDLIST\n`,
  ],
  ['concat', `ffconcat version 1.0\nfile ${decoy}\nfile ${address}\n`],
  [
    'sdp',
    `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio ${server.port} RTP/AVP 0\n`,
  ],
  ['dash', `<MPD><BaseURL>${address}</BaseURL></MPD>`],
])('a %s playlist leads nowhere, under any name', async (_kind, text) => {
  await using folder = await temporaryFolder()
  for (const name of ['list.m3u8', 'list.mp3', 'list']) {
    const path = join(folder.path, name)
    await writeFile(path, text)
    const refused = { code: 'unsupported_type' }
    expect(await media.probe(path).catch((error) => error)).toMatchObject(refused)
    expect(await decodeWhole(media, { path, maxSeconds: 60 }).catch((error) => error)).toMatchObject(refused)
  }
  expect(connections).toBe(0)
})

test('the core has no network, no files of this machine, and opens no playlist', async () => {
  const worker = new Worker(new URL('./escape-worker.ts', import.meta.url))
  const answer = Promise.withResolvers<unknown>()
  worker.addEventListener('message', ({ data }) => answer.resolve(data))
  worker.addEventListener('error', ({ message }) => answer.reject(new Error(message)))
  worker.postMessage({ module: await compileCore(), port: server.port, decoy })
  const escaped = await answer.promise
  worker.terminate()
  expect(escaped).toEqual({ toAddress: false, toFile: false, throughList: false })
  expect(connections).toBe(0)
})
