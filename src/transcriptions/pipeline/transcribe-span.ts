import type { Transaction } from '../../db/database.ts'
import { isOutage } from '../../db/outage.ts'
import { type Engine, type EngineName, EngineOverloaded, type SpanResult } from '../../engines/engine.ts'
import { failsOver } from '../../engines/failover.ts'
import { findEngineModel } from '../../engines/models.ts'
import { VerbatimError } from '../../errors.ts'
import { CLIP_SECONDS, SAMPLE_RATE } from '../../media/media.ts'
import { planSpans } from '../../media/span-plan.ts'
import type { Jobs } from '../../queue/jobs.ts'
import { type Attributes, codeOf, type TraceSpan, waited, withTraceSpan } from '../../traces/traces.ts'
import { levelsOf } from '../envelopes.store.ts'
import {
  type Claim,
  claimSpan,
  failSpan,
  finishSpan,
  heardIn,
  releaseSpan,
  removeSpan,
  type Span,
} from '../spans.store.ts'
import {
  addDoneSamples,
  adoptTrace,
  fail,
  findTranscription,
  type Transcription,
} from '../transcriptions.store.ts'
import { watchCancellation } from './cancellation.ts'
import { convertScript } from './chinese-script.ts'
import { finishIfDone } from './finish.ts'
import { freePcm } from './free-pcm.ts'
import { PcmMissing, removePcm } from './pcm.ts'
import { prepareAgain } from './prepare-again.ts'
import { replaceWords } from './replace-words.ts'
import { readSpanAudio, type SpanAudio } from './span-audio.ts'
import { addSpans, enqueueSpans, rankOf } from './span-jobs.ts'
import { withSpeakers } from './span-speakers.ts'
import { withVerification } from './verify-segments.ts'
import type { WorkServices } from './work-services.ts'

const MAX_FAILURES = 8
/**
 * Few attempts: a missing original does not come back, and a wrongly mounted folder or bucket is noticed
 * soon.
 */
const MAX_FAILURES_WITHOUT_AUDIO = 4
const MAX_BACKOFF_SECONDS = 60
const RETRY_SECONDS = 5

/**
 * Handles `span` and `clip` jobs: sends the span's pcm to an engine, and writes the segments and the span's
 * state in one transaction. The last span finishes the transcription in the same transaction.
 */
export function createTranscribeSpan(services: WorkServices) {
  const { db, engines, traces } = services

  return async (
    { spanId }: Jobs['span' | 'clip'],
    signal: AbortSignal,
    since = new Date(),
  ): Promise<void> => {
    await engines.whenReady(signal)
    const claimed = await claimSpan(db, spanId)
    if (!claimed) return
    const { engine, model, traceparent } = claimed.transcription
    const available = await engines.available({ among: engine && [engine], model })
    if (available.length === 0) return enqueueLater(services, claimed)
    const attributes = { ...attributesOf(claimed.span), ...waited(since) }
    const options = { name: 'span', kind: 'consumer', parent: traceparent, attributes } as const
    await withTraceSpan(traces, options, async (traceSpan) => {
      await adoptTrace(db, claimed.transcription, traceSpan)
      await transcribe(services, { ...claimed, available, signal, traceSpan })
    })
  }
}

type ClaimedSpan = NonNullable<Awaited<ReturnType<typeof claimSpan>>>

const claimOf = ({ id, attempt }: Span): Claim => ({ spanId: id, attempt })

function attributesOf({ id, transcriptionId, channel, startSample, endSample, attempt }: Span): Attributes {
  return {
    'verbatim.transcription.id': transcriptionId,
    'verbatim.span.id': id,
    'verbatim.span.channel': channel,
    'verbatim.span.start': startSample / SAMPLE_RATE,
    'verbatim.span.end': endSample / SAMPLE_RATE,
    'verbatim.span.attempt': attempt,
  }
}

async function transcribe(
  services: WorkServices,
  {
    span,
    transcription,
    available,
    signal,
    traceSpan,
  }: ClaimedSpan & { available: Engine[]; signal: AbortSignal; traceSpan: TraceSpan },
): Promise<void> {
  const { db, log } = services
  const claim = claimOf(span)
  using watched = watchCancellation(services, span.transcriptionId)
  const stop = AbortSignal.any([signal, watched.canceled])
  try {
    const sent = await send(services, { available, span, transcription, signal: stop, traceSpan })
    if ('tooLongFor' in sent) {
      return await split(services, { span, claim, transcription, engine: sent.tooLongFor })
    }
    // The write of the last span finishes the transcription, which would be taken for a cancellation.
    watched[Symbol.dispose]()
    traceSpan.setAttributes({ 'verbatim.engine': sent.engine, 'verbatim.model': sent.result.model })
    const converted = await convertScript(sent.result.segments, transcription.script)
    const segments = replaceWords(converted, transcription.replacements)
    await writeResult(services, { span, claim, engine: sent.engine, result: { ...sent.result, segments } })
  } catch (error) {
    if (stop.aborted) {
      await releaseSpan(db, { claim, failed: false })
      if (signal.aborted) throw error
      traceSpan.fail('canceled')
      return
    }
    if (error instanceof PcmMissing) {
      traceSpan.fail('pcm_missing')
      return await prepareAgain(services, { span, claim, missing: error }).catch((error) =>
        handleFailure(services, { span, claim, error }),
      )
    }
    traceSpan.fail(codeOf(error))
    log(`span ${span.id} of ${span.transcriptionId}, attempt ${span.attempt}, failed`, error)
    await handleFailure(services, { span, claim, error })
  }
}

/** Rolls a transaction back: another attempt has the span by now. */
class ClaimLost extends Error {}

/** Writes the segments if the claim is still held, then removes the pcm that is no longer needed. */
async function writeResult(
  services: WorkServices,
  { span, claim, result, engine }: { span: Span; claim: Claim; result: SpanResult; engine: EngineName },
): Promise<void> {
  const { db, traces, log } = services
  const write = async (tx: Transaction) => {
    const samples = span.endSample - span.startSample
    const row = await addDoneSamples(tx, { id: span.transcriptionId, samples })
    const segments = await finishSpan(tx, { claim, span, result, engine, revision: row?.revision ?? null })
    if (!segments) throw new ClaimLost()
    if (!row) return null
    const only = samples === row.workSamples ? { segments, heard: heardIn({ span, result }) } : null
    return { row, isDone: await finishIfDone(tx, { row, only, traces, log }) }
  }
  const written = await db.transaction(write).catch((error) => {
    if (error instanceof ClaimLost) return null
    throw error
  })
  if (written?.isDone) await removePcm(services, span.transcriptionId)
  else if (written) await freePcm(services, { transcription: written.row, span })
}

/**
 * Sends a span to the first available engine; if that one fails, to the next. Returns `tooLongFor` instead if
 * the next engine takes only shorter spans. Throws the error of the last engine.
 */
async function send(
  services: WorkServices,
  {
    available,
    span,
    transcription,
    signal,
    traceSpan,
  }: {
    available: Engine[]
    span: Span
    transcription: Transcription
    signal: AbortSignal
    traceSpan: TraceSpan
  },
): Promise<{ result: SpanResult; engine: EngineName } | { tooLongFor: Engine }> {
  let lastError: unknown
  let audio: SpanAudio | undefined
  for (const [index, engine] of available.entries()) {
    if (span.endSample - span.startSample > engine.maxSpanSeconds * SAMPLE_RATE) return { tooLongFor: engine }
    try {
      audio ??= await readSpanAudio(services.storage, { span, transcription })
      const model = modelFor(engine, { transcription, defaultModel: services.defaultModel })
      const request = {
        ...requestOf(transcription),
        ...audio,
        isHurried: isClip(transcription),
        model,
        signal,
      }
      const first = await engine.transcribe(request)
      const result = await withSpeakers(services, { request, result: first })
      if (!transcription.verify) return { result, engine: engine.name }
      const among = transcription.engine && [transcription.engine]
      return { result: await withVerification(services, { request, result, among }), engine: engine.name }
    } catch (error) {
      if (signal.aborted || !failsOver(error)) throw error
      lastError = error
      traceSpan.addEvent('engine failed', { 'verbatim.engine': engine.name, 'error.type': error.code })
      const next = available[index + 1]
      if (next) services.log(`span ${span.id} of ${span.transcriptionId} fails over to ${next.name}`, error)
    }
  }
  throw lastError
}

/** Whether all that is to be transcribed is known, and short. */
const isClip = ({ workSamples }: Transcription) =>
  workSamples !== null && workSamples <= CLIP_SECONDS * SAMPLE_RATE

/** The requested model, or the default one if this engine runs it; null: the engine's own default. */
function modelFor(
  engine: Engine,
  { transcription, defaultModel }: { transcription: Transcription; defaultModel: string | undefined },
): string | null {
  if (transcription.model !== null) return transcription.model
  return (defaultModel !== undefined && findEngineModel(engine.models(), defaultModel)?.id) || null
}

function requestOf({ language, isLanguageDefault, task, ...row }: Transcription) {
  const { quality, prompt, keywords, languages, userId: share } = row
  // Speakers change between words.
  const words = row.words || row.diarize
  const hints = { prompt, keywords, languages }
  return { language, isLanguageHint: isLanguageDefault, task, words, quality, share, ...hints }
}

/** Replaces a span that was planned for another engine by spans that are short enough for this one. */
async function split(
  { db, queue }: WorkServices,
  {
    span,
    claim,
    transcription,
    engine,
  }: { span: Span; claim: Claim; transcription: Transcription; engine: Engine },
) {
  const ranges = planSpans({
    levels: await levelsOf(db, { id: span.transcriptionId, channel: span.channel }),
    startSample: span.startSample,
    endSample: span.endSample,
    targetSeconds: engine.targetSpanSeconds,
    maxSeconds: engine.maxSpanSeconds,
  })
  await db.transaction(async (tx) => {
    if (await removeSpan(tx, claim)) {
      await addSpans(tx, {
        queue,
        transcription,
        ranges: ranges.map((range) => ({ channel: span.channel, ...range })),
      })
    }
  })
}

/** Enqueues a span again with a delay, because no engine is available for it. */
async function enqueueLater({ db, queue }: WorkServices, { span, transcription }: ClaimedSpan) {
  await db.transaction(async (tx) => {
    if ((await releaseSpan(tx, { claim: claimOf(span), failed: false })) === null) return
    const rank = await rankOf(tx, transcription)
    await enqueueSpans(tx, { queue, spans: [{ ...span, ...rank }], delaySeconds: RETRY_SECONDS })
  })
}

/**
 * After an error: enqueues the span again or, after too many failures, fails the transcription with the
 * reason. Outages of the database or the storage, overloaded engines and misconfigured engines do not count
 * as failures.
 */
async function handleFailure(
  services: WorkServices,
  { span, claim, error }: { span: Span; claim: Claim; error: unknown },
) {
  const { db, queue } = services
  const code = error instanceof VerbatimError ? error.code : 'internal'
  const counts = !isOutage(error) && code !== 'engine_overloaded' && code !== 'engine_misconfigured'
  const maxFailures = code === 'audio_missing' ? MAX_FAILURES_WITHOUT_AUDIO : MAX_FAILURES
  if (code === 'engine_rejected' || (counts && span.failures + 1 >= maxFailures)) {
    const isFailed = await db.transaction(async (tx) => {
      if (!(await failSpan(tx, claim))) return false
      await fail(tx, { id: span.transcriptionId, ...reasonOf(error) })
      return true
    })
    if (isFailed) await removePcm(services, span.transcriptionId)
    return
  }
  const delaySeconds = delayOf(error, span.failures)
  await db.transaction(async (tx) => {
    if ((await releaseSpan(tx, { claim, failed: counts })) === null) return
    const transcription = await findTranscription(tx, span.transcriptionId)
    if (!transcription) return
    const rank = await rankOf(tx, transcription)
    await enqueueSpans(tx, { queue, spans: [{ ...span, ...rank }], delaySeconds })
  })
}

/** Seconds until the next attempt: as the engine asks, or exponential backoff with jitter. */
function delayOf(error: unknown, failures: number): number {
  if (error instanceof EngineOverloaded) return error.retryAfterSeconds
  if (isOutage(error)) return RETRY_SECONDS
  return Math.min(MAX_BACKOFF_SECONDS, 2 ** failures * (0.5 + Math.random()))
}

function reasonOf(error: unknown) {
  return error instanceof VerbatimError
    ? { code: error.code, message: error.message }
    : {
        code: 'internal' as const,
        message: 'A part of the audio could not be transcribed after several attempts',
      }
}
