import type { SpanRequest } from '../../src/engines/engine.ts'
import { silence } from '../support/pcm.ts'

/** A span to send, 4 s of silence to be transcribed from English unless `other` says otherwise. */
export function spanOf(other: Partial<SpanRequest> = {}): SpanRequest {
  return {
    pcm: silence(4),
    language: 'en',
    isLanguageHint: false,
    task: 'transcribe',
    words: false,
    model: null,
    quality: 'balanced',
    prompt: null,
    keywords: [],
    languages: [],
    share: 'user',
    isHurried: true,
    diarize: null,
    signal: AbortSignal.timeout(300_000),
    ...other,
  }
}
