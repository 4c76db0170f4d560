import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { access, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DetailedError, Upload, type UploadOptions } from 'tus-js-client'
import type { Server } from './client.ts'
import { Failure, isTemporary, refusalOf, Unreachable } from './failure.ts'

/** What a crash of the server can lose of an upload. */
const CHUNK_BYTES = 16 * 2 ** 20
/** Five minutes in all. An upload that continued begins again with the shortest delay. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, 8000, ...Array<number>(28).fill(10_000)]
/** The server removes an unfinished upload after a day. */
const KEPT_MS = 24 * 3600_000

/**
 * Uploads a file with tus; interruptions of the connection and restarts of the server are bridged. With `stateDir` a
 * later call with the same file and fields resumes the upload. Returns the transcription's id.
 */
export async function uploadFile({
  server,
  path,
  fields,
  stateDir,
  signal,
  onProgress,
  onUpload,
}: {
  server: Server
  path: string
  fields: Record<string, string>
  stateDir: string | null
  signal: AbortSignal
  onProgress: (sent: number, size: number) => void
  /** Receives the path of the upload at the server. */
  onUpload: (path: string) => void
}): Promise<string> {
  const { size } = await stat(path)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  // The library opens the path of the stream again for each chunk.
  const stream = createReadStream(path)
  const upload: Upload = new Upload(stream, {
    ...connection(server),
    ...(await resumption({ server, path, fields, stateDir })),
    uploadSize: size,
    metadata: fields,
    onProgress: (sent) => onProgress(sent, size),
    onUploadUrlAvailable: () => onUpload(new URL(upload.url ?? '', server.url).pathname),
    onError: (error) => reject(failureOf(error, server)),
    onSuccess: ({ lastResponse }) => {
      const id = lastResponse.getHeader('Transcription-Id')
      if (id) resolve(id)
      else reject(new Failure('unexpected', `${server.url} accepted the upload without a transcription`))
    },
  })
  const stop = () => {
    upload.abort().catch(() => {})
    reject(signal.reason)
  }
  signal.addEventListener('abort', stop)
  try {
    signal.throwIfAborted()
    const [previous] = stateDir === null ? [] : await upload.findPreviousUploads()
    if (previous) upload.resumeFromPreviousUpload(previous)
    upload.start()
    return await promise
  } finally {
    signal.removeEventListener('abort', stop)
    stream.destroy()
  }
}

function connection(server: Server): Partial<UploadOptions> {
  return {
    endpoint: `${server.url}/api/uploads`,
    headers: { Authorization: `Bearer ${server.apiKey}` },
    chunkSize: CHUNK_BYTES,
    retryDelays: RETRY_DELAYS_MS,
    onShouldRetry: (error) => isTemporary(failureOf(error, server)),
    onAfterResponse(request, response) {
      const status = response.getStatus()
      // After any other failed HEAD, the library would begin the upload anew.
      if (request.getMethod() === 'HEAD' && status >= 400 && status !== 404 && status !== 410) {
        throw refusalOf({ status, body: response.getBody(), url: server.url })
      }
    },
  }
}

function failureOf(error: Error, { url }: Server): Error {
  if (!(error instanceof DetailedError)) return error
  if (error.causingError instanceof Failure) return error.causingError
  const { originalResponse: response } = error
  return response
    ? refusalOf({ status: response.getStatus(), body: response.getBody(), url })
    : new Unreachable(url)
}

type Previous = Awaited<ReturnType<Upload['findPreviousUploads']>>[number]

/** Where the library stores the URL of an unfinished upload: a file for each, named by the digest of its content. */
async function resumption({
  server,
  path,
  fields,
  stateDir,
}: {
  server: Server
  path: string
  fields: Record<string, string>
  stateDir: string | null
}): Promise<Partial<UploadOptions>> {
  const folder = stateDir === null ? null : await openUploadsFolder(stateDir)
  if (folder === null) return { storeFingerprintForResuming: false }
  const { size, mtimeMs } = await stat(path)
  const identity = JSON.stringify([server.url, server.apiKey, resolve(path), size, mtimeMs, fields])
  const fingerprint = createHash('sha256').update(identity).digest('hex')
  const file = join(folder, `${fingerprint}.json`)

  async function find(): Promise<Previous[]> {
    try {
      const stored: Previous = JSON.parse(await readFile(file, 'utf8'))
      return [{ ...stored, urlStorageKey: fingerprint }]
    } catch {
      return []
    }
  }

  return {
    removeFingerprintOnSuccess: true,
    fingerprint: async () => fingerprint,
    urlStorage: {
      findAllUploads: find,
      findUploadsByFingerprint: find,
      removeUpload: () => rm(file, { force: true }),
      async addUpload(_, previous) {
        await writeFile(file, JSON.stringify({ ...previous, metadata: {} }), { mode: 0o600 })
        return fingerprint
      },
    },
  }
}

/** Removes expired entries. Null in a read-only home. */
async function openUploadsFolder(stateDir: string): Promise<string | null> {
  const folder = join(stateDir, 'uploads')
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.W_OK)
    await removeExpired(folder)
    return folder
  } catch {
    return null
  }
}

async function removeExpired(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name)
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: 0 }))
    if (Date.now() - mtimeMs > KEPT_MS) await rm(file, { force: true })
  }
}
