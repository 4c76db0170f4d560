import { join } from 'node:path'
import { concatenated } from '../../src/bytes.ts'
import { QUALITIES } from '../../src/engines/engine.ts'
import { sidecarEngine } from '../../src/engines/sidecar/sidecar.ts'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { withFolder } from '../../test/support/service.ts'
import type { Clip } from './clips.ts'

/** Decodes clips in this process, to send them to a sidecar as the service does. */
export async function decodeClips(clips: Clip[]) {
  const media = ffmpegMedia()
  try {
    return await withFolder(async (folder) => {
      const decoded = []
      for (const { audio, language } of clips) {
        const path = join(folder, 'clip')
        await Bun.write(path, audio)
        const pieces: Uint8Array[] = []
        const take = async ({ pcm }: { pcm: Uint8Array }) => void pieces.push(pcm)
        await media.decode({ path, maxSeconds: 60, isShort: true, take })
        decoded.push({ pcm: concatenated(pieces), language })
      }
      return decoded
    })
  } finally {
    await media.close()
  }
}

/** Sends all clips to the sidecar at once, without the service. */
export async function openDirect(
  url: string,
  { clips, quality }: { clips: Awaited<ReturnType<typeof decodeClips>>; quality: string },
) {
  const engine = sidecarEngine({ urls: [url] })
  const { signal } = new AbortController()
  await engine.whenReady(signal)
  const transcribe = ({ pcm, language }: (typeof clips)[number]) =>
    engine.transcribe({
      pcm,
      language,
      isLanguageHint: false,
      task: 'transcribe',
      model: null,
      words: false,
      quality: QUALITIES.find((name) => name === quality) ?? 'balanced',
      prompt: null,
      keywords: [],
      languages: [],
      share: 'bench',
      isHurried: true,
      diarize: null,
      signal,
    })
  return {
    transcribeAll: () => Promise.all(clips.map(transcribe)),
    close: () => engine.close(),
  }
}
