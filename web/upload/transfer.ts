import { Upload } from 'tus-js-client'
import { ApiError } from '../api/client.ts'
import { accessToken, renew } from '../api/session.ts'

/** About ten minutes without any byte; then the user starts the upload again. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, ...Array.from({ length: 75 }, () => 8000)]

/**
 * Sends a file as a resumable upload (tus). This module is loaded with the first upload.
 * `url`: the upload to resume; null: a new one.
 */
export function startTransfer({
  file,
  url,
  metadata,
  onUrl,
  onProgress,
  onInterrupted,
  onDone,
  onError,
}: {
  file: File
  url: string | null
  metadata: Record<string, string>
  onUrl: (url: string) => void
  onProgress: (sentBytes: number) => void
  /** The connection broke; the next attempt follows by itself. */
  onInterrupted: () => void
  onDone: (transcriptionId: string) => void
  onError: (error: ApiError) => void
}) {
  let transcriptionId: string | undefined
  let token: string | null = null
  const upload = new Upload(file, {
    endpoint: `${location.origin}/api/uploads`,
    uploadUrl: url,
    metadata: { filename: file.name, ...metadata },
    retryDelays: RETRY_DELAYS_MS,
    storeFingerprintForResuming: false,
    async onBeforeRequest(request) {
      token = await accessToken()
      if (token !== null) request.setHeader('Authorization', `Bearer ${token}`)
    },
    async onAfterResponse(_, response) {
      transcriptionId = response.getHeader('Transcription-Id') ?? transcriptionId
      if (response.getStatus() === 401 && token !== null) await renew(token)
    },
    onUploadUrlAvailable: () => onUrl(upload.url ?? ''),
    onProgress,
    onShouldRetry({ originalResponse }) {
      const status = originalResponse?.getStatus() ?? 0
      if (status === 0 || status >= 500) onInterrupted()
      // 409: the server has stored bytes of an earlier request meanwhile.
      return [0, 401, 408, 409, 423, 429].includes(status) || (status >= 500 && status !== 507)
    },
    onSuccess: () => onDone(transcriptionId ?? ''),
    onError: (error) => onError(transferError(error)),
  })
  upload.start()
  return {
    /** The server keeps the bytes that it has. */
    pause: () => upload.abort(),
    cancel: () => upload.abort(true),
  }
}

export type Transfer = ReturnType<typeof startTransfer>

function transferError(error: Error): ApiError {
  const response = 'originalResponse' in error ? error.originalResponse : null
  if (typeof response !== 'object' || response === null || !('getBody' in response)) {
    return new ApiError({ code: 'offline', status: 0, message: error.message })
  }
  const body = bodyOf(response)
  return new ApiError({ code: body?.code ?? 'unknown', status: 0, message: body?.error ?? '' })
}

function bodyOf(response: object): { code: string; error: string } | null {
  try {
    return JSON.parse(
      'getBody' in response && typeof response.getBody === 'function' ? response.getBody() : '',
    )
  } catch {
    return null
  }
}
