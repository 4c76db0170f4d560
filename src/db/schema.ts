/**
 * The tables. Functions, triggers and storage options are in drizzle/0001_functions.sql, since Drizzle cannot
 * express them; docs/architecture.md lists both. After a change, run `bun run db:generate` and update
 * test/db/schema.txt (test/db/describe-schema.ts).
 */
import { isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  boolean,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  real,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import type { ErrorCode } from '../errors.ts'
import {
  bytea,
  count,
  type DeliveryAttempt,
  id,
  type PreviousSecret,
  type StoredJob,
  type StoredReplacement,
  type StoredSpeaker,
  type StoredSpeakerTurn,
  type StoredTrack,
  type StoredVoice,
  type StoredWarning,
  type StoredWord,
  samples,
  time,
  tsvector,
} from './columns.ts'

/** `least` ignores a null `part_end`; pcm has 16,000 samples a second. */
const WORK_SECONDS = sql`case
  when work_samples is not null then work_samples / 16000.0
  when claimed_seconds is not null then
    greatest(0, least(claimed_seconds, part_end) - coalesce(part_start, 0))
      * case channels when 'split' then audio_channels else 1 end
end`

/** As `ENGINE_NAMES` of the port. */
const ENGINES = ['sidecar', 'huggingface', 'openai'] as const

export const users = pgTable('users', {
  id: id(),
  /** Trimmed and in lower case. Null if the user's identity provider has verified no address. */
  email: text().unique(),
  /** Null if the user logs in at an identity provider only. */
  passwordHash: text(),
  role: text({ enum: ['user', 'admin'] })
    .notNull()
    .default('user'),
  /** Higher is served first. Only an administrator sets it. */
  priority: count(),
  createdAt: time().notNull().defaultNow(),
})

export const transcriptions = pgTable(
  'transcriptions',
  {
    id: id(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    status: text({ enum: ['queued', 'processing', 'completed', 'failed', 'canceled'] })
      .notNull()
      .default('queued'),
    /** As requested: a Whisper language code, or `auto`. */
    language: text().notNull(),
    /** No language was requested: `language` is the service's default, and clear speech in another one wins. */
    isLanguageDefault: boolean().notNull().default(false),
    /** The Chinese script of the text. Null: as the model wrote it. */
    script: text({ enum: ['simplified', 'traditional'] }),
    /** Text that precedes each window in the model's input. */
    prompt: text(),
    /** Words that the model should expect. */
    keywords: jsonb().$type<string[]>().notNull().default([]),
    /** Words of the model's text (`heard`), and their replacements (`written`). */
    replacements: jsonb().$type<StoredReplacement[]>().notNull().default([]),
    /** The only languages that may be detected. Empty: all. */
    languages: jsonb().$type<string[]>().notNull().default([]),
    /** As requested, from 0 to 1. No engine takes it: above 0, it only causes a warning. */
    temperature: doublePrecision().notNull().default(0),
    task: text({ enum: ['transcribe', 'translate'] }).notNull(),
    words: boolean().notNull(),
    /** Whether speakers are recognized, and the least and the greatest number of them. Null: unknown. */
    diarize: boolean().notNull().default(false),
    minSpeakers: integer(),
    maxSpeakers: integer(),
    /** Accuracy against processor time. */
    quality: text({ enum: ['fast', 'balanced', 'best'] })
      .notNull()
      .default('balanced'),
    /** Whether doubtful text is decoded again with VERIFY_MODEL. */
    verify: boolean().notNull().default(false),
    /** `split`: each channel of the audio is transcribed separately. */
    channels: text({ enum: ['mix', 'split'] })
      .notNull()
      .default('mix'),
    /** The audio track to transcribe, from 1. Null until the audio is inspected, if none was requested. */
    track: integer(),
    /** The audio tracks of a file that has several; null for one. */
    tracks: jsonb().$type<StoredTrack[]>(),
    /** The only engine that may receive the audio. Null: any engine of the service. */
    engine: text({ enum: ENGINES }),
    /** The requested model, or another name of it. Null: the default of each engine. */
    model: text(),
    /** The requested time range, in seconds of the audio. Null: from the start, to the end. */
    partStart: doublePrecision(),
    partEnd: doublePrecision(),
    /** Receives the message about the outcome, in addition to the user's webhooks. */
    webhookUrl: text(),
    filename: text(),
    /** Null: an edge API accepted the upload, which has no decoder; prepare probes the file. */
    codec: text(),
    audioChannels: integer().notNull().default(1),
    /** The length that the header states, if any. It may be wrong; `totalSamples` is right. */
    claimedSeconds: doublePrecision(),
    contentType: text().notNull(),
    audioBytes: bigint({ mode: 'number' }).notNull(),
    audioSha256: text().notNull(),
    /** When the original and the pcm were removed. The transcript stays. */
    audioRemovedAt: time(),
    /** Length of the pcm at 16 kHz. Null until the audio is decoded; spans are transcribed before that. */
    totalSamples: samples(),
    /**
     * Samples of the requested time range, summed over channels. Null until the audio is decoded.
     * `doneSamples` of them are transcribed.
     */
    workSamples: samples(),
    doneSamples: samples().notNull().default(0),
    /**
     * Seconds of audio to transcribe, summed over channels: `workSamples`, or before they are known the
     * requested range of `claimedSeconds`. Null if the header states no length. The limit of audio per day
     * builds on it (`counted_seconds` in drizzle/0001_functions.sql).
     */
    workSeconds: doublePrecision().generatedAlwaysAs(WORK_SECONDS),
    /**
     * Decoded samples of the requested time range, summed over channels. They count as usage even if the
     * transcription fails or is canceled.
     */
    decodedSamples: samples().notNull().default(0),
    /** Number of times that decoding has started again. Writes of an earlier round are rejected. */
    decodingRound: count(),
    /** A trigger adds 1 with each update, and another notifies `transcriptions` with the id (changes.ts). */
    revision: count(),
    /** Failed attempts of prepare. A crash of the service does not count. */
    failures: count(),
    /** The language of most of the speech. Null until the transcription is completed. */
    detectedLanguage: text(),
    text: text(),
    /** Null until the transcription is completed, and if speakers were not told apart. */
    speakers: jsonb().$type<StoredSpeaker[]>(),
    /** What is missing or doubtful, at most one of each code. */
    warnings: jsonb().$type<StoredWarning[]>().notNull().default([]),
    errorCode: text().$type<ErrorCode>(),
    errorMessage: text(),
    /** The upload's trace context (W3C `traceparent`), which all its work continues. Null without tracing. */
    traceparent: text(),
    /** A request waits for it and deletes it with the response; after a crash, the sweep deletes it. */
    isEphemeral: boolean().notNull().default(false),
    createdAt: time().notNull().defaultNow(),
    completedAt: time(),
  },
  (table) => [
    // Lists scan these indexes backwards: latest first.
    index('transcriptions_user').on(table.userId, table.createdAt, table.id),
    index('transcriptions_open')
      .on(table.userId, table.status, table.createdAt)
      .where(sql`${table.status} in ('queued', 'processing')`),
    index('transcriptions_status').on(table.userId, table.status, table.createdAt, table.id),
    index('transcriptions_kept').on(table.completedAt).where(isNull(table.audioRemovedAt)),
    index('transcriptions_ephemeral').on(table.completedAt).where(sql`${table.isEphemeral}`),
    index('transcriptions_language').on(
      table.userId,
      detectedLanguageColumn(table),
      table.createdAt,
      table.id,
    ),
  ],
)

/** The language that the API reports: the requested one or, for `auto`, the detected one. */
export function detectedLanguageColumn(columns: {
  language: AnyPgColumn
  detectedLanguage: AnyPgColumn
}): SQL {
  const { language, detectedLanguage } = columns
  return sql`(case when ${language} = 'auto' then coalesce(${detectedLanguage}, 'auto') else ${language} end)`
}

/** `Idempotency-Key` headers of uploads, per user, kept for a day. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    key: text().notNull(),
    /** The request that holds the key until its response, and its latest heartbeat. */
    holder: uuid().notNull(),
    heldAt: time().notNull().defaultNow(),
    /** Fingerprint of the request body. Null until the request has created a transcription. */
    fingerprint: text(),
    transcriptionId: uuid().references(() => transcriptions.id, { onDelete: 'cascade' }),
    createdAt: time().notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.key] }),
    index('idempotency_keys_transcription').on(table.transcriptionId),
    index('idempotency_keys_age').on(table.createdAt),
  ],
)

/** Full-text index of file names and transcripts. A trigger on `transcriptions` writes it. */
export const terms = pgTable(
  'terms',
  {
    transcriptionId: uuid()
      .primaryKey()
      .references(() => transcriptions.id, { onDelete: 'cascade' }),
    userId: uuid().notNull(),
    createdAt: time().notNull(),
    words: tsvector().notNull(),
  },
  (table) => [
    index('terms_words').using('gin', table.words),
    index('terms_user').on(table.userId, table.createdAt, table.transcriptionId),
  ],
)

/**
 * Loudness (`levels`) and waveform peaks (`peaks`) of one stored piece of a channel's pcm, encoded as
 * src/media/media.ts says. Spans are cut at low levels. The piece is in storage before its row is written.
 */
export const envelopes = pgTable(
  'envelopes',
  {
    transcriptionId: uuid()
      .notNull()
      .references(() => transcriptions.id, { onDelete: 'cascade' }),
    channel: count(),
    /** Index of the piece, from 0. */
    piece: count(),
    levels: bytea().notNull(),
    peaks: bytea().notNull(),
  },
  (table) => [primaryKey({ columns: [table.transcriptionId, table.channel, table.piece] })],
)

export const spans = pgTable(
  'spans',
  {
    id: id(),
    transcriptionId: uuid()
      .notNull()
      .references(() => transcriptions.id, { onDelete: 'cascade' }),
    /** Index of the audio's channel, from 0. A mix has one channel. */
    channel: count(),
    startSample: samples().notNull(),
    endSample: samples().notNull(),
    state: text({ enum: ['queued', 'running', 'done', 'failed'] })
      .notNull()
      .default('queued'),
    /** Number of claims. Only the latest attempt may write the result. */
    attempt: count(),
    /** Errors of engines. A crash of the service does not count. */
    failures: count(),
    /** Revision of the transcription with which the result was written. */
    revision: integer(),
    engine: text({ enum: ENGINES }),
    model: text(),
    /** The language that the engine heard, whatever was requested, and its probability from 0 to 1. */
    detectedLanguage: text(),
    detectedProbability: doublePrecision(),
    startedAt: time(),
    finishedAt: time(),
  },
  (table) => [
    unique('spans_place').on(table.transcriptionId, table.channel, table.startSample),
    // The speed of the engines is read up to once a second.
    index('spans_finished').on(table.finishedAt).where(isNotNull(table.finishedAt)),
    index('spans_elsewhere').on(table.engine, table.finishedAt).where(sql`${table.engine} <> 'sidecar'`),
  ],
)

export const segments = pgTable(
  'segments',
  {
    spanId: uuid()
      .notNull()
      .references(() => spans.id, { onDelete: 'cascade' }),
    position: integer().notNull(),
    transcriptionId: uuid()
      .notNull()
      .references(() => transcriptions.id, { onDelete: 'cascade' }),
    /** Seconds from the start of the audio. */
    start: doublePrecision().notNull(),
    end: doublePrecision().notNull(),
    text: text().notNull(),
    language: text(),
    avgLogprob: doublePrecision(),
    compressionRatio: doublePrecision(),
    noSpeechProb: doublePrecision(),
    /** An `id` of `transcriptions.speakers`. Null until the transcription is completed. */
    speaker: text(),
    words: jsonb().$type<StoredWord[]>(),
    /** The model that decoded it again, because the first text was doubtful. */
    verifiedBy: text(),
  },
  (table) => [
    primaryKey({ columns: [table.spanId, table.position] }),
    index('segments_order').on(table.transcriptionId, table.start),
  ],
)

/**
 * Who speaks when in a finished span. Its voices become speakers of the transcription when all spans are
 * finished (transcriptions/speakers).
 */
export const diarizations = pgTable(
  'diarizations',
  {
    spanId: uuid()
      .primaryKey()
      .references(() => spans.id, { onDelete: 'cascade' }),
    transcriptionId: uuid()
      .notNull()
      .references(() => transcriptions.id, { onDelete: 'cascade' }),
    turns: jsonb().$type<StoredSpeakerTurn[]>().notNull(),
    voices: jsonb().$type<StoredVoice[]>().notNull(),
    /** Why the span has no turns and voices; null if it was diarized. */
    problem: text(),
  },
  (table) => [index('diarizations_transcription').on(table.transcriptionId)],
)

/** Voices of people that a user has enrolled: biometric data. The samples are not kept. */
export const voices = pgTable(
  'voices',
  {
    id: id(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    name: text().notNull(),
    /** Seconds of speech in the sample. */
    seconds: doublePrecision().notNull(),
    /** Of unit length. */
    embedding: real().array().notNull(),
    createdAt: time().notNull().defaultNow(),
  },
  (table) => [unique('voices_name').on(table.userId, table.name)],
)

/**
 * A login and all tokens issued for it. Triggers notify `callers` when a session, user, identity or API key
 * is deleted, and when a role, an identity or a key's scopes change (auth/caller-cache.ts).
 */
export const sessions = pgTable(
  'sessions',
  {
    id: id(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: time().notNull().defaultNow(),
    /** Each refresh postpones it. */
    expiresAt: time().notNull(),
  },
  (table) => [index('sessions_user').on(table.userId)],
)

/** A session has one unused token. A second use of a token ends the session, as the token may be stolen. */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    /** SHA-256, in hex. */
    hash: text().primaryKey(),
    sessionId: uuid()
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    usedAt: time(),
  },
  (table) => [index('refresh_tokens_session').on(table.sessionId)],
)

/** API keys, with which programs authenticate. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: id(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    name: text().notNull(),
    /** SHA-256, in hex. */
    hash: text().notNull().unique(),
    /** The first characters of the key, by which its owner recognizes it. */
    hint: text().notNull(),
    scopes: text({ enum: ['read', 'write'] })
      .array()
      .notNull(),
    createdAt: time().notNull().defaultNow(),
    /** Accurate to a minute. */
    lastUsedAt: time(),
  },
  (table) => [index('api_keys_user').on(table.userId, table.createdAt)],
)

/** A user's account at an identity provider. */
export const identities = pgTable(
  'identities',
  {
    issuer: text().notNull(),
    subject: text().notNull(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** The address that the provider has verified, even if another user has it as `users.email`. */
    email: text(),
  },
  (table) => [
    primaryKey({ columns: [table.issuer, table.subject] }),
    index('identities_user').on(table.userId),
    index('identities_email').on(table.email),
  ],
)

/** URLs that receive messages about the outcome of a user's transcriptions. */
export const webhooks = pgTable(
  'webhooks',
  {
    id: id(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** Null: the row stands for the `webhookUrl` of each upload. A user has at most one such row. */
    url: text(),
    /** The key that signs messages, encrypted (webhooks/secret-cipher.ts). */
    secret: text().notNull(),
    /** Replaced secrets, latest first. */
    previousSecrets: jsonb().$type<PreviousSecret[]>().notNull().default([]),
    events: text({ enum: ['transcription.completed', 'transcription.failed', 'transcription.canceled'] })
      .array()
      .notNull(),
    createdAt: time().notNull().defaultNow(),
    /** When the host answered 410 Gone. Nothing is sent until the user enables the webhook again. */
    disabledAt: time(),
  },
  (table) => [
    index('webhooks_user').on(table.userId, table.createdAt),
    uniqueIndex('webhooks_uploads').on(table.userId).where(isNull(table.url)),
  ],
)

/** Messages to webhooks. A trigger writes them in the transaction that finishes the transcription. */
export const deliveries = pgTable(
  'deliveries',
  {
    id: id(),
    webhookId: uuid()
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    /** The `webhookUrl` of the upload. Null: the webhook's own URL. */
    url: text(),
    /** Null for a test message. */
    transcriptionId: uuid().references(() => transcriptions.id, { onDelete: 'cascade' }),
    event: text({
      enum: ['transcription.completed', 'transcription.failed', 'transcription.canceled', 'webhook.test'],
    }).notNull(),
    state: text({ enum: ['pending', 'delivered', 'failed'] })
      .notNull()
      .default('pending'),
    /**
     * The only job that may send it. Null: it has no job yet; a trigger notifies `deliveries`
     * (webhooks/relay.ts).
     */
    job: uuid(),
    /** Number of claims. Only the latest attempt may write the outcome. */
    attempt: count(),
    /** Failed attempts since the message was written or replayed. */
    failures: count(),
    /** The latest attempts, oldest first. */
    attempts: jsonb().$type<DeliveryAttempt[]>().notNull().default([]),
    /** When the next attempt is due. */
    dueAt: time().notNull().defaultNow(),
    createdAt: time().notNull().defaultNow(),
  },
  (table) => [
    index('deliveries_webhook').on(table.webhookId, table.createdAt.desc(), table.id.desc()),
    index('deliveries_transcription').on(table.transcriptionId),
    index('deliveries_jobless')
      .on(table.createdAt)
      .where(sql`${table.job} is null and ${table.state} = 'pending'`),
  ],
)

/** How the message to a transcription's `webhookUrl` is sent, if a client of another API set it. */
export const callbacks = pgTable('callbacks', {
  transcriptionId: uuid()
    .primaryKey()
    .references(() => transcriptions.id, { onDelete: 'cascade' }),
  /** The API whose message it is. */
  format: text({ enum: ['assemblyai', 'deepgram'] }).notNull(),
  method: text({ enum: ['POST', 'PUT'] }).notNull(),
  /** A header by which the receiver recognizes the message. Its value is encrypted (webhooks/secret-cipher.ts). */
  headerName: text(),
  headerValue: text(),
  /** The part of the client's request that shapes the message. Null: the message needs none. */
  request: text(),
})

/** Fixed-window counters of rate limits, and leases. Unlogged (0001_functions.sql): a crash empties it. */
export const counters = pgTable('counters', {
  key: text().primaryKey(),
  count: integer().notNull(),
  until: time().notNull(),
})

/**
 * Transcriptions and seconds of audio of one user on one day (UTC). A trigger on `transcriptions` adds them:
 * the length that a header claims, until more is decoded or the true length is known. If a transcription ends
 * or is deleted before that, its decoded length counts.
 */
export const usage = pgTable(
  'usage',
  {
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    day: date({ mode: 'string' }).notNull(),
    transcriptions: count(),
    audioSeconds: doublePrecision().notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.userId, table.day] }), index('usage_day').on(table.day)],
)

/** Bytes of a user's originals in storage. A trigger on `transcriptions` keeps the sum. */
export const storageUsage = pgTable('storage_usage', {
  userId: uuid()
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  audioBytes: bigint({ mode: 'number' }).notNull().default(0),
})

/** Resumable uploads (tus protocol). */
export const uploads = pgTable(
  'uploads',
  {
    id: id(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** In bytes. The first `offset` of them are stored. */
    length: bigint({ mode: 'number' }).notNull(),
    offset: bigint({ mode: 'number' }).notNull().default(0),
    /** The `Upload-Metadata` header, as it was sent. */
    metadata: text().notNull(),
    /** Number of pieces begun. Only the latest piece may advance `offset`. */
    piece: count(),
    /** Numbers of the pieces that make up the file, in order; a storage key ends with the number. */
    pieces: integer().array().notNull().default([]),
    /** The transcription that the complete upload created. */
    transcriptionId: uuid().references(() => transcriptions.id, { onDelete: 'cascade' }),
    createdAt: time().notNull().defaultNow(),
    expiresAt: time().notNull(),
  },
  (table) => [
    index('uploads_user').on(table.userId),
    index('uploads_transcription').on(table.transcriptionId),
    index('uploads_expiry').on(table.expiresAt),
  ],
)

/**
 * Jobs written by an edge API, which has no queue. A trigger notifies `outbox`; a worker enqueues them
 * (queue/outbox.ts).
 */
export const outbox = pgTable('outbox', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  queue: text({ enum: ['prepare', 'prepare_long', 'span', 'clip', 'webhook'] }).notNull(),
  job: jsonb().$type<StoredJob>().notNull(),
})

/** The models that the engines of workers run, as workers report them every minute. */
export const engineModels = pgTable(
  'engine_models',
  {
    engine: text({ enum: ENGINES }).notNull(),
    id: text().notNull(),
    aliases: jsonb().$type<string[]>().notNull(),
    /** Null: unknown, or all that Whisper knows. */
    languages: jsonb().$type<string[]>(),
    translates: boolean().notNull(),
    words: boolean().notNull(),
    /** The order of preference. */
    position: integer().notNull(),
    seenAt: time().notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.engine, table.id] })],
)

/** One row, written by a migration: this database as owner of a storage (retention/storage-owner.ts). */
export const installation = pgTable('installation', {
  id: id(),
  /**
   * Rises with each start and sweep. It is lower than its storage's only in an older copy of the database.
   */
  generation: count(),
  /** Why the sweep has stopped until an operator resumes it. Null: the sweep runs. */
  sweepStopped: text(),
})

/** Folders of deleted rows. Triggers on `transcriptions` and `uploads` write them in the same transaction. */
export const storageRemovals = pgTable(
  'storage_removals',
  {
    folder: text().primaryKey(),
    createdAt: time().notNull().defaultNow(),
    /** Null until the sweep has removed the folder. */
    removedAt: time(),
  },
  (table) => [
    index('storage_removals_pending').on(table.createdAt).where(isNull(table.removedAt)),
    index('storage_removals_removed').on(table.removedAt),
  ],
)

/** Folders of the storage without a row, although no row was deleted. */
export const storageOrphans = pgTable('storage_orphans', {
  folder: text().primaryKey(),
  firstSeenAt: time().notNull().defaultNow(),
  lastSeenAt: time().notNull().defaultNow(),
  /** Why the upload was not accepted again. Null: the folder has no record of an upload. */
  reason: text(),
})
