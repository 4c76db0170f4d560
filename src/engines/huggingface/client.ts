import { automaticSpeechRecognition, InferenceClientInputError } from '@huggingface/inference'
import { deadline } from '../../async.ts'
import { VerbatimError } from '../../errors.ts'
import type { Fetch } from '../engine.ts'
import { isUnreachable } from '../shared/away.ts'
import { readResponse } from '../shared/read-answer.ts'
import type { SendSpan } from '../shared/remote-engine.ts'
import { describeTarget, huggingFaceFailure, nameOf, type Target, unreachable } from './failure.ts'
import { readHuggingFaceReply } from './reply.ts'
import { argumentsFor, withParameters } from './request.ts'

/** Returns a function that sends one span through Hugging Face's client. Throws the engine's errors. */
export function createRequest({
  token,
  target,
  deadlineSeconds,
  fetch: sendRequest,
}: {
  token: string | undefined
  target: Target
  deadlineSeconds: number
  fetch: Fetch
}): SendSpan {
  const { endpointUrl } = target
  const hide = (text: string) => (token ? text.replaceAll(token, '[token]') : text)

  /** Converts errors of the client, the network and the response. */
  function toEngineError(error: unknown, isLate: boolean): VerbatimError {
    if (error instanceof VerbatimError) return error
    const message = hide(error instanceof Error ? error.message : String(error)).slice(0, 300)
    if (error instanceof InferenceClientInputError) {
      return new VerbatimError('engine_misconfigured', `${message} Check HF_MODEL and HF_PROVIDER.`)
    }
    const reason = isLate ? `no answer within ${deadlineSeconds} s` : message
    // Without the cause: the client's errors contain the request, and no log may show its headers.
    return new VerbatimError(
      'engine_unavailable',
      `Hugging Face failed for ${describeTarget(target)}: ${reason}.`,
    )
  }

  return async (span, wav, seconds) => {
    const args = argumentsFor(span, target)
    using limit = deadline(deadlineSeconds, span.signal)
    const { signal } = limit
    const send = async (url: string | URL | Request, init: RequestInit = {}) => {
      const fullInit = { ...(await withParameters(init, args.parameters)), signal }
      const response = await sendRequest(url, fullInit).catch((error) => {
        throw isUnreachable(error) ? unreachable(error, target, hide) : error
      })
      if (!response.ok) throw await huggingFaceFailure(response, target, hide)
      // The client would read a response of any size.
      const { status, headers } = response
      return new Response(await readResponse(response), { status, headers })
    }
    try {
      const reply: unknown = await automaticSpeechRecognition(
        {
          inputs: new Blob([wav], { type: 'audio/wav' }),
          ...args,
          ...(endpointUrl ? {} : { provider: target.provider }),
          ...(token ? { accessToken: token } : {}),
          ...(target.model ? { model: target.model } : {}),
          ...(endpointUrl ? { endpointUrl } : {}),
        },
        { fetch: Object.assign(send, { preconnect: fetch.preconnect }), retry_on_error: false, signal },
      )
      const language = span.language === 'auto' ? null : span.language
      const read = readHuggingFaceReply(reply, { seconds, language })
      return { segments: read.segments, model: target.model || read.model || nameOf(target), detected: null }
    } catch (error) {
      span.signal.throwIfAborted()
      throw toEngineError(error, limit.hasPassed())
    }
  }
}
