import { isOutage } from '../../db/outage.ts'
import { type Engine, type EngineName, EngineOverloaded, type SpanResult } from '../../engines/engine.ts'
import { failsOver } from '../../engines/failover.ts'
import { VerbatimError } from '../../errors.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import { planSpans } from '../../media/span-plan.ts'
import type { Jobs } from '../../queue/jobs.ts'
import { type Attributes, codeOf, type TraceSpan, waited, withTraceSpan } from '../../traces/traces.ts'
import { levelsOf } from '../envelopes.store.ts'
import {
  type Claim,
  claimSpan,
  failSpan,
  findPendingSpan,
  finishSpan,
  markRevision,
  releaseSpan,
  removeSpan,
  type Span,
} from '../spans.store.ts'
import { addDone, fail, findTranscription, isFinished, type Transcription } from '../transcriptions.store.ts'
import { watchCancellation } from './cancellation.ts'
import { finishIfDone } from './finish.ts'
import { freePcm } from './free-pcm.ts'
import { PcmMissing, readPcm, removePcm } from './pcm.ts'
import { prepareAgain } from './prepare-again.ts'
import { addSpans, enqueueSpans, rankOf } from './span-jobs.ts'
import type { WorkServices } from './work-services.ts'

const MAX_FAILURES = 8
/** A folder or a bucket that is not mounted right is noticed soon, and nothing else brings a missing original back. */
const MAX_MISSES = 4
const MAX_PAUSE_SECONDS = 60
const ASK_AGAIN_SECONDS = 5

/**
 * One span: its pcm → engine → segments, written with the span's state in one transaction; the one that finds itself
 * the last finishes the transcription in that same transaction.
 */
export function createTranscribeSpan(services: WorkServices) {
  const { db, engines, traces } = services

  return async (
    { spanId }: Jobs['span' | 'clip'],
    signal: AbortSignal,
    since = new Date(),
  ): Promise<void> => {
    await engines.whenReady(signal)
    const asked = await findPendingSpan(db, spanId)
    if (!asked) return
    const usable = await engines.available(asked.engine && [asked.engine])
    if (usable.length === 0) return askAgain(services, asked)
    const span = await claimSpan(db, spanId)
    if (!span) return
    const attributes = { ...attributesOf(span), ...waited(since) }
    const about = { name: 'span', kind: 'consumer', parent: asked.traceparent, attributes } as const
    await withTraceSpan(traces, about, (step) => attempt(services, { span, usable, signal, step }))
  }
}

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

async function attempt(
  services: WorkServices,
  { span, usable, signal, step }: { span: Span; usable: Engine[]; signal: AbortSignal; step: TraceSpan },
): Promise<void> {
  const { db, traces, log } = services
  const claim: Claim = { spanId: span.id, attempt: span.attempt }
  using watched = watchCancellation(services, span.transcriptionId)
  const stop = AbortSignal.any([signal, watched.over])
  try {
    const transcription = await findTranscription(db, span.transcriptionId)
    if (!transcription || isFinished(transcription))
      return void (await releaseSpan(db, { claim, failed: false }))
    const sent = await send(services, { usable, span, transcription, signal: stop, step })
    if ('tooLongFor' in sent) {
      return await split(services, { span, claim, transcription, engine: sent.tooLongFor })
    }
    const { result, engine } = sent
    step.setAttributes({ 'verbatim.engine': engine, 'verbatim.model': result.model })
    const after = await db.transaction(async (tx) => {
      if (!(await finishSpan(tx, { claim, span, result, engine }))) return null
      const samples = span.endSample - span.startSample
      const row = await addDone(tx, { id: span.transcriptionId, samples })
      if (!row) return null
      await markRevision(tx, { spanId: span.id, revision: row.revision })
      return { row, isDone: await finishIfDone(tx, { row, traces }) }
    })
    if (after?.isDone) await removePcm(services, span.transcriptionId)
    else if (after) await freePcm(services, { transcription: after.row, span })
  } catch (error) {
    if (stop.aborted) {
      await releaseSpan(db, { claim, failed: false })
      if (signal.aborted) throw error
      step.fail('canceled')
      return
    }
    if (error instanceof PcmMissing) {
      step.fail('pcm_missing')
      return await prepareAgain(services, { span, claim, missing: error }).catch((error) =>
        settle(services, { span, claim, error }),
      )
    }
    step.fail(codeOf(error))
    log(`span ${span.id} of ${span.transcriptionId}, attempt ${span.attempt}`, error)
    await settle(services, { span, claim, error })
  }
}

/**
 * Sends a span to the first of the usable engines; where that one fails, to the next. One that takes only shorter spans is
 * named instead. Throws what the last one threw.
 */
async function send(
  services: WorkServices,
  {
    usable,
    span,
    transcription,
    signal,
    step,
  }: { usable: Engine[]; span: Span; transcription: Transcription; signal: AbortSignal; step: TraceSpan },
): Promise<{ result: SpanResult; engine: EngineName } | { tooLongFor: Engine }> {
  let failed: unknown
  let pcm: Uint8Array<ArrayBuffer> | undefined
  for (const [place, engine] of usable.entries()) {
    if (span.endSample - span.startSample > engine.maxSpanSeconds * SAMPLE_RATE) return { tooLongFor: engine }
    try {
      const { language, task, words } = transcription
      pcm ??= await readPcm(services.storage, { ...span, id: transcription.id })
      return { result: await engine.transcribe({ pcm, language, task, words, signal }), engine: engine.name }
    } catch (error) {
      if (signal.aborted || !failsOver(error)) throw error
      failed = error
      step.addEvent('engine failed', { 'verbatim.engine': engine.name, 'error.type': error.code })
      const next = usable[place + 1]
      if (next) services.log(`span ${span.id} of ${span.transcriptionId} goes on to ${next.name}`, error)
    }
  }
  throw failed
}

/** A span that was planned for an engine that takes longer ones is cut up for this one. */
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

/** None of the engines that may do it takes a span now. */
async function askAgain(
  { db, queue }: WorkServices,
  span: NonNullable<Awaited<ReturnType<typeof findPendingSpan>>>,
) {
  await db.transaction(async (tx) => {
    const turn = await rankOf(tx, span)
    await enqueueSpans(tx, { queue, spans: [{ ...span, ...turn }], delaySeconds: ASK_AGAIN_SECONDS })
  })
}

/**
 * After an error: come back later, or, where that is hopeless, fail the transcription with the reason. What an operator has
 * to put right first is waited for, as is a database or a storage that is away.
 */
async function settle(
  services: WorkServices,
  { span, claim, error }: { span: Span; claim: Claim; error: unknown },
) {
  const { db, queue } = services
  const code = error instanceof VerbatimError ? error.code : 'internal'
  const isAway = isOutage(error)
  const counts = !isAway && code !== 'engine_overloaded' && code !== 'engine_misconfigured'
  const most = code === 'audio_missing' ? MAX_MISSES : MAX_FAILURES
  if (code === 'engine_rejected' || (counts && span.failures + 1 >= most)) {
    const isFailed = await db.transaction(async (tx) => {
      if (!(await failSpan(tx, claim))) return false
      await fail(tx, { id: span.transcriptionId, ...reasonOf(error) })
      return true
    })
    if (isFailed) await removePcm(services, span.transcriptionId)
    return
  }
  const delaySeconds =
    error instanceof EngineOverloaded
      ? error.retryAfterSeconds
      : isAway
        ? ASK_AGAIN_SECONDS
        : Math.min(MAX_PAUSE_SECONDS, 2 ** span.failures * (0.5 + Math.random()))
  await db.transaction(async (tx) => {
    if ((await releaseSpan(tx, { claim, failed: counts })) === null) return
    const transcription = await findTranscription(tx, span.transcriptionId)
    if (!transcription) return
    const turn = await rankOf(tx, transcription)
    await enqueueSpans(tx, { queue, spans: [{ ...span, ...turn }], delaySeconds })
  })
}

function reasonOf(error: unknown) {
  return error instanceof VerbatimError
    ? { code: error.code, message: error.message }
    : {
        code: 'internal' as const,
        message: 'A part of the audio could not be transcribed, after several tries',
      }
}
