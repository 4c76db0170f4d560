import { deadline } from '../../async.ts'
import { VerbatimError } from '../../errors.ts'
import type { Fetch, SpanRequest } from '../engine.ts'
import { EngineAway, isUnreachable, UNREACHABLE_SECONDS } from '../shared/away.ts'
import { readResponse } from '../shared/read-answer.ts'
import type { SendSpan } from '../shared/remote-engine.ts'
import { type Failure, readFailure, toEngineError } from './failure.ts'
import { formOf, OPTIONAL_FIELDS, type OptionalField } from './form.ts'
import { readOpenaiReply } from './reply.ts'
import { describeServer, hideKey, type Server, urlOf } from './server.ts'

/** Returns a function that sends one span to the server. Throws the engine's errors. */
export function createRequest({
  server,
  deadlineSeconds,
  fetch: sendRequest,
}: {
  server: Server
  deadlineSeconds: number
  fetch: Fetch
}): SendSpan {
  /** Fields that the server refused for this model. They are not sent again. */
  const refused = new Set<OptionalField>()

  async function post(
    {
      span,
      wav,
      without,
    }: { span: SpanRequest; wav: Uint8Array<ArrayBuffer>; without: ReadonlySet<OptionalField> },
    signal: AbortSignal,
  ) {
    const path = span.task === 'translate' ? '/audio/translations' : '/audio/transcriptions'
    const response = await sendRequest(urlOf(server, path), {
      method: 'POST',
      headers: {
        accept: 'application/json',
        ...(server.apiKey && { authorization: `Bearer ${server.apiKey}` }),
      },
      body: formOf({ span, wav, server, without }),
      // A redirect would send the audio elsewhere.
      redirect: 'manual',
      signal,
    })
    return response.ok ? { text: await readResponse(response) } : { failure: await readFailure(response) }
  }

  /** Sends the span; if the server names an optional field as the cause of a refusal, again without it. */
  async function sendOnce(
    span: SpanRequest,
    wav: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<string> {
    for (;;) {
      // Other spans are sent at the same time, and may add fields meanwhile.
      const without = new Set(refused)
      const { text, failure } = await post({ span, wav, without }, signal)
      if (failure === undefined) return text
      const field = refusedField(failure, without)
      if (field === undefined) throw toEngineError(failure, { server, task: span.task })
      refused.add(field)
    }
  }

  return async (span, wav, seconds) => {
    using limit = deadline(deadlineSeconds, span.signal)
    try {
      const text = await sendOnce(span, wav, limit.signal)
      return readOpenaiReply(text, { seconds, span, model: server.model })
    } catch (error) {
      span.signal.throwIfAborted()
      throw connectionError(error, { server, deadlineSeconds, isLate: limit.hasPassed() })
    }
  }
}

/** The optional field that a refusal names as its cause. */
function refusedField({ status, reason }: Failure, without: ReadonlySet<OptionalField>) {
  if (status !== 400 && status !== 422) return undefined
  const named = reason.includes('verbose_json') ? `${reason} response_format` : reason
  return OPTIONAL_FIELDS.find((field) => !without.has(field) && named.includes(field))
}

/** The error of a request that got no response, or none that could be read. */
function connectionError(
  error: unknown,
  { server, deadlineSeconds, isLate }: { server: Server; deadlineSeconds: number; isLate: boolean },
): VerbatimError {
  if (error instanceof VerbatimError) return error
  const message = hideKey(server, error instanceof Error ? error.message : String(error)).slice(0, 300)
  if (isUnreachable(error)) {
    return new EngineAway(`The server cannot be reached for ${describeServer(server)}: ${message}`, {
      retryAfterSeconds: UNREACHABLE_SECONDS,
    })
  }
  const reason = isLate ? `no answer within ${deadlineSeconds} s` : message
  return new VerbatimError(
    'engine_unavailable',
    `The request failed for ${describeServer(server)}: ${reason}.`,
  )
}
