/**
 * How the message to an upload's `webhook_url` is sent to a client of another API, instead of a message that
 * follows Standard Webhooks.
 */
export type Callback = {
  /** The API whose message it is. */
  format: 'assemblyai' | 'deepgram'
  method: 'POST' | 'PUT'
  /** By which the receiver recognizes the message. It is stored encrypted. */
  header: { name: string; value: string } | null
  /** The part of the client's request that shapes the message; null if the message needs none. */
  request: string | null
  /** The client's name of `webhook_url`, for errors. */
  urlName: string
}

export type StoredAudio = { bytes: number; sha256: string }

/**
 * Begins an upload: checks the limits that need no audio and holds what the upload occupies. Throws
 * `too_many_at_once`, `idempotency_key_in_use`,
 * `too_many_transcriptions`, `audio_limit_reached` and `storage_quota_reached`.
 */
export type BeginUpload = (options: {
  userId: string
  idempotencyKey?: string | null
  /** The resumable upload that is complete. It counts towards the storage quota since its creation. */
  uploadId?: string | null
  /** The transcription is removed with the response to this request. */
  isEphemeral?: boolean
}) => Promise<Intake>

/**
 * An upload in progress. Disposing of it without a commit removes the stored audio and releases the
 * idempotency key.
 */
export type Intake = AsyncDisposable & {
  /** The id of the transcription that `commit` makes. */
  id: string
  /**
   * Writes the audio to storage while it arrives; call it once. Throws what the stream or the storage throws,
   * and `storage_quota_reached`.
   */
  store(audio: ReadableStream<Uint8Array>): Promise<StoredAudio>
  /**
   * Inspects the stored audio, then writes the transcription and its first job in one transaction. Returns
   * the transcription's id; if the idempotency key or the resumable upload already has a transcription,
   * returns that one's.
   *
   * Throws `no_audio_file`, `validation`, `too_long`, `idempotency_key_in_use`, `idempotency_key_reused`,
   * `too_many_transcriptions`, `audio_limit_reached`, `storage_quota_reached`, `too_large`, `url_refused` and
   * `url_failed` (its `webhook_url`; they name it `callback.urlName`), `unauthorized` (the account is gone), `not_found` (the resumable upload
   * was deleted), and what `Media.probe` throws.
   */
  commit(upload: {
    fields: Map<string, string>
    file: { filename: string | null; stored: StoredAudio } | null
    callback?: Callback | null
  }): Promise<string>
}

/** Uploads that arrive in one request, and become transcriptions with a later request, which has the options. */
export type WholeUploads = {
  /** Throws `too_many_at_once`, `too_many_uploads` and `storage_quota_reached`. */
  begin(userId: string): Promise<WholeUpload>
  /**
   * Makes a transcription of an upload, and returns its id. The first one takes the stored bytes; later ones
   * copy the original of that transcription. Throws `not_found` (also if the first transcription was
   * deleted), `upload_expired`, and what `BeginUpload` and `Intake` throw.
   */
  transcribe(upload: {
    id: string
    userId: string
    fields: Map<string, string>
    callback: Callback | null
  }): Promise<string>
}

/** A file while it arrives. Disposing of it without a commit removes the stored bytes. */
export type WholeUpload = AsyncDisposable & {
  /** Writes the file to storage while it arrives; call it once. Throws `storage_quota_reached`. */
  store(body: ReadableStream<Uint8Array>): Promise<StoredAudio>
  /** Returns the upload's id. Throws `empty`, `too_many_uploads` and `storage_quota_reached`. */
  commit(file: { filename: string | null; stored: StoredAudio }): Promise<string>
}
