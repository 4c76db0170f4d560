import type {
  DetectedLanguage,
  Engine,
  EngineName,
  Segment,
  SpanRequest,
  SpanResult,
} from '../../engines/engine.ts'
import { failsOver } from '../../engines/failover.ts'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND } from '../../media/media.ts'
import { isDoubtful } from './doubtful.ts'
import { waitForEngine } from './wait-for-engine.ts'
import type { WorkServices } from './work-services.ts'

/** Sound on each side of doubtful segments that is decoded with them. */
const MARGIN_SECONDS = 0.3
const MAX_ATTEMPTS = 3

/** Neighbouring segments, and the seconds of the span to decode again. */
type Stretch = { segments: Segment[]; start: number; end: number }

/**
 * Decodes again what the engine was not sure of, with VERIFY_MODEL, and replaces its segments. `among`: the only
 * engines that may receive the audio. What cannot be decoded again keeps its first text. Throws the reason of the
 * request's signal only.
 */
export async function withVerification(
  services: Pick<WorkServices, 'engines' | 'verifyModel' | 'log'>,
  { request, result, among }: { request: SpanRequest; result: SpanResult; among: EngineName[] | null },
): Promise<SpanResult> {
  const { verifyModel: model, engines, log } = services
  if (model === undefined) return result
  const stretches = doubtfulStretches(result.segments, {
    seconds: request.pcm.length / BYTES_PER_SECOND,
    heard: request.language === 'auto' ? result.detected : null,
  })
  if (stretches.length === 0) return result
  const [engine] = await engines.available({ among, model })
  if (!engine) {
    log(`no engine runs ${model} now: doubtful text is not verified`)
    return result
  }
  const replacements = new Map<Segment, Segment[]>()
  for (const stretch of stretches) {
    try {
      const [first, ...others] = stretch.segments
      if (first) replacements.set(first, await decodeAgain(engine, { request, stretch, model }))
      for (const other of others) replacements.set(other, [])
    } catch (error) {
      if (request.signal.aborted || !failsOver(error)) throw error
      log(`${engine.name} failed to verify doubtful text`, error)
    }
  }
  return { ...result, segments: result.segments.flatMap((segment) => replacements.get(segment) ?? [segment]) }
}

function doubtfulStretches(
  segments: readonly Segment[],
  { seconds, heard }: { seconds: number; heard: DetectedLanguage | null },
): Stretch[] {
  const groups: number[][] = []
  for (const [index, segment] of segments.entries()) {
    if (!isDoubtful(segment, heard)) continue
    const last = groups.at(-1)
    if (last?.at(-1) === index - 1) last.push(index)
    else groups.push([index])
  }
  return groups.map((indices) => {
    const group = indices.flatMap((index) => segments[index] ?? [])
    const before = segments[(indices[0] ?? 0) - 1]?.end ?? 0
    const after = segments[(indices.at(-1) ?? 0) + 1]?.start ?? seconds
    return {
      segments: group,
      start: Math.max(before, Math.min(...group.map(({ start }) => start)) - MARGIN_SECONDS, 0),
      end: Math.min(after, Math.max(...group.map(({ end }) => end)) + MARGIN_SECONDS, seconds),
    }
  })
}

async function decodeAgain(
  engine: Engine,
  { request, stretch: { start, end }, model }: { request: SpanRequest; stretch: Stretch; model: string },
): Promise<Segment[]> {
  const byteAt = (seconds: number) =>
    Math.round((seconds * BYTES_PER_SECOND) / BYTES_PER_SAMPLE) * BYTES_PER_SAMPLE
  const pcm = request.pcm.slice(byteAt(start), byteAt(end))
  const again = { ...request, pcm, model, diarize: null }
  const { signal } = request
  const verified = await waitForEngine(() => engine.transcribe(again), { attempts: MAX_ATTEMPTS, signal })
  return verified.segments.map((segment) => ({
    ...segment,
    start: segment.start + start,
    end: segment.end + start,
    words:
      segment.words?.map((word) => ({ ...word, start: word.start + start, end: word.end + start })) ?? null,
    verifiedBy: verified.model,
  }))
}
