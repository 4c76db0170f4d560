import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { wavOf } from '../../src/media/wav.ts'
import { chanceOf } from '../shared/chance.ts'

const SECRET = 'decoy-5f1c94d07ab3e268'
/** Samples that no recording contains, and that a decoder which opened the decoy would return unchanged. */
const SOUND = Buffer.from(chanceOf(0xdec0, 0).bytes(64))
const SOUND_TIMES = 250

export const DECOYS = ['decoy.wav', 'secret.txt']

/** Writes files that a recording must not be able to reach: a wav that can be decoded, and a text. */
export async function writeDecoys(folder: string): Promise<void> {
  const wav = wavOf(Buffer.concat(Array.from({ length: SOUND_TIMES }, () => SOUND)))
  await writeFile(join(folder, 'decoy.wav'), wav)
  await writeFile(join(folder, 'secret.txt'), `JWT_SECRET=${SECRET}\n`.repeat(100))
}

export function containsDecoy(bytes: Uint8Array): boolean {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return content.includes(SOUND) || content.includes(SECRET)
}

/** Playlists and descriptions that name a decoy in `folder` or an address on `port`. */
export function linksTo({ folder, port }: { folder: string; port: number }): string[] {
  const address = `127.0.0.1:${port}`
  const targets = [
    `file://${folder}/decoy.wav`,
    `${folder}/secret.txt`,
    'decoy.wav',
    '/proc/self/environ',
    `http://${address}/a.wav`,
    `tcp://${address}`,
    `rtmp://${address}/a/b`,
    `concat:${folder}/decoy.wav|${folder}/secret.txt`,
    `subfile,,start,0,end,0,,:${folder}/decoy.wav`,
    'data:audio/wav;base64,UklGRg==',
  ]
  return targets.flatMap((target) => [
    `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-KEY:METHOD=AES-128,URI="${target}"\n#EXTINF:10,\n${target}\n#EXT-X-ENDLIST\n`,
    `ffconcat version 1.0\nfile '${target}'\n`,
    `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><BaseURL>${target}</BaseURL></MPD>`,
    `[Reference]\nRef1=${target}\n`,
    `<smil><body><audio src="${target}"/></body></smil>`,
    `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\na=control:${target}\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio ${port} RTP/AVP 0\n`,
    `${target}\0`,
  ])
}

/** Listens on a free port that only links in recordings name. */
export async function listen({ onConnection }: { onConnection: () => void }) {
  let onOpen = () => {}
  const server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open(socket) {
        onOpen()
        socket.end()
      },
      data() {},
    },
  })
  // Proves that the listener notices connections.
  const noticed = new Promise<void>((resolve) => {
    onOpen = resolve
  })
  await fetch(`http://127.0.0.1:${server.port}/`).catch(() => {})
  await noticed
  onOpen = onConnection
  return { port: server.port, close: () => server.stop(true) }
}
