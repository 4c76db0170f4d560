import { isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  boolean,
  customType,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import type { Word } from '../engines/engine.ts'
import type { ErrorCode } from '../errors.ts'
import type { NewJob, QueueName } from '../queue/jobs.ts'

const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' })
const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' })

const id = () => uuid().primaryKey().default(sql`gen_random_uuid()`)
const time = () => timestamp({ withTimezone: true, mode: 'date' })
const count = () => integer().notNull().default(0)
const samples = () => bigint({ mode: 'number' })

/** `least` ignores a null `part_end`; pcm has 16,000 samples a second. */
const WORK_SECONDS = sql`case
  when work_samples is not null then work_samples / 16000.0
  when claimed_seconds is not null then
    greatest(0, least(claimed_seconds, part_end) - coalesce(part_start, 0))
      * case channels when 'split' then audio_channels else 1 end
end`

export const users = pgTable('users', {
  id: id(),
  /** Trimmed and in lower case; null for who came from an identity provider that vouches for none. */
  email: text().unique(),
  /** Null for who logs in elsewhere. */
  passwordHash: text(),
  role: text({ enum: ['user', 'admin'] })
    .notNull()
    .default('user'),
  /** Higher goes first; an operator's to set. */
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
    /** As asked for: a Whisper code, or `auto`. */
    language: text().notNull(),
    task: text({ enum: ['transcribe', 'translate'] }).notNull(),
    words: boolean().notNull(),
    /** `split`: each channel of the audio is transcribed apart from the others. */
    channels: text({ enum: ['mix', 'split'] })
      .notNull()
      .default('mix'),
    /** The engine that it may be sent to; null: any that the service has. */
    engine: text({ enum: ['sidecar', 'huggingface'] }),
    /** The part that was asked for, in seconds of the audio; null: from its start, to its end. */
    partStart: doublePrecision(),
    partEnd: doublePrecision(),
    /** Told when it is over, beside the user's webhooks. */
    webhookUrl: text(),
    filename: text(),
    /** Null: it was uploaded where nothing can be decoded, and is not probed yet. */
    codec: text(),
    audioChannels: integer().notNull().default(1),
    /** What the header says, where it says anything; only `totalSamples` is true. */
    claimedSeconds: doublePrecision(),
    contentType: text().notNull(),
    audioBytes: bigint({ mode: 'number' }).notNull(),
    audioSha256: text().notNull(),
    /** When the original and the pcm were removed, the transcript being kept. */
    audioRemovedAt: time(),
    /** Length of the pcm at 16 kHz, known once it is decoded. Spans are transcribed before that. */
    totalSamples: samples(),
    /** What there is to transcribe of it, summed over channels, known with its length; `doneSamples` of them are transcribed. */
    workSamples: samples(),
    doneSamples: samples().notNull().default(0),
    /**
     * Seconds of audio to transcribe, summed over channels: `workSamples`, or before they are known the requested range
     * of `claimedSeconds`. Null if the header states no length. The limit of audio per day builds on it
     * (`counted_seconds` in drizzle/0001_functions.sql).
     */
    workSeconds: doublePrecision().generatedAlwaysAs(WORK_SECONDS),
    /** How much of what there is to transcribe is decoded, summed over channels. A user pays for it, whatever becomes of it. */
    decodedSamples: samples().notNull().default(0),
    /** How often decoding has begun anew: what an earlier round would still write is refused. */
    decodingRound: count(),
    /** One more with every change of the row; a trigger counts, and notifies `transcriptions` with the id (changes.ts). */
    revision: count(),
    /** Errors met while preparing it; a crash is none. */
    failures: count(),
    /** The language that most of the speech is in, known once it is completed. */
    detectedLanguage: text(),
    text: text(),
    errorCode: text().$type<ErrorCode>(),
    errorMessage: text(),
    /** Of the trace (W3C Trace Context) that whatever is done for it goes on with; null where none is kept. */
    traceparent: text(),
    /** Only one request waits for it, and removes it with its answer; what a crash leaves of it is swept away. */
    isEphemeral: boolean().notNull().default(false),
    createdAt: time().notNull().defaultNow(),
    completedAt: time(),
  },
  (table) => [
    // Lists read these backwards, the latest first.
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

/** The language as a client is told it: the one asked for, or what was heard. */
export function detectedLanguageColumn(of: { language: AnyPgColumn; detectedLanguage: AnyPgColumn }): SQL {
  return sql`(case when ${of.language} = 'auto' then coalesce(${of.detectedLanguage}, 'auto') else ${of.language} end)`
}

/** Idempotency-Key headers of uploads, each of one user; kept for a day. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    key: text().notNull(),
    /** The request that holds the key until it is answered, and when it last said so. */
    holder: uuid().notNull(),
    heldAt: time().notNull().defaultNow(),
    /** Of the body, once it was answered with a transcription. */
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

/** The words of a transcription's file name and text, to be found by; a trigger writes them. */
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
 * Loudness and shape of a piece of a channel's pcm (src/media/media.ts says how they are written): spans are cut by the one,
 * the other is drawn as a waveform. A piece is stored before its row is written.
 */
export const envelopes = pgTable(
  'envelopes',
  {
    transcriptionId: uuid()
      .notNull()
      .references(() => transcriptions.id, { onDelete: 'cascade' }),
    channel: count(),
    /** From 0. */
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
    /** Of the audio, from 0; of a mix there is one. */
    channel: count(),
    startSample: samples().notNull(),
    endSample: samples().notNull(),
    state: text({ enum: ['queued', 'running', 'done', 'failed'] })
      .notNull()
      .default('queued'),
    /** How often it was taken up; a result is only written by the attempt that is the latest. */
    attempt: count(),
    /** Errors its engine met; a crash of the service is none. */
    failures: count(),
    /** Its transcription's when its result was written. */
    revision: integer(),
    engine: text({ enum: ['sidecar', 'huggingface'] }),
    model: text(),
    startedAt: time(),
    finishedAt: time(),
  },
  (table) => [
    unique('spans_place').on(table.transcriptionId, table.channel, table.startSample),
    // What engines have done lately is looked at every second.
    index('spans_finished').on(table.finishedAt).where(isNotNull(table.finishedAt)),
    index('spans_hosted').on(table.finishedAt).where(sql`${table.engine} = 'huggingface'`),
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
    words: jsonb().$type<Word[]>(),
  },
  (table) => [
    primaryKey({ columns: [table.spanId, table.position] }),
    index('segments_order').on(table.transcriptionId, table.start),
  ],
)

/**
 * A login, and all tokens that came of it. Triggers notify `callers` when a session is removed, or a user, an identity or an API
 * key is, and when one of these may do something else (auth/caller-cache.ts).
 */
export const sessions = pgTable(
  'sessions',
  {
    id: id(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: time().notNull().defaultNow(),
    /** Later with every refresh. */
    expiresAt: time().notNull(),
  },
  (table) => [index('sessions_user').on(table.userId)],
)

/** One of each session is not used yet; a used one that comes again ends the session. */
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

/** What programs log in with. */
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
    /** How the key begins, to tell it from others. */
    hint: text().notNull(),
    scopes: text({ enum: ['read', 'write'] })
      .array()
      .notNull(),
    createdAt: time().notNull().defaultNow(),
    /** To the minute. */
    lastUsedAt: time(),
  },
  (table) => [index('api_keys_user').on(table.userId, table.createdAt)],
)

/** Who a user is at an identity provider. */
export const identities = pgTable(
  'identities',
  {
    issuer: text().notNull(),
    subject: text().notNull(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** The address that the provider has verified, also where another account has it as its `users.email`. */
    email: text(),
  },
  (table) => [
    primaryKey({ columns: [table.issuer, table.subject] }),
    index('identities_user').on(table.userId),
    index('identities_email').on(table.email),
  ],
)

/** Where a user is told of what becomes of their transcriptions. */
export const webhooks = pgTable(
  'webhooks',
  {
    id: id(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** Null: where uploads say, each in its own `webhookUrl`. A user has at most one of this kind. */
    url: text(),
    /** What its messages are signed with, encrypted (webhooks/secret-cipher.ts). */
    secret: text().notNull(),
    /** Those before it, the latest first, each with the time until which messages are signed with it too. */
    previousSecrets: jsonb().$type<{ secret: string; until: string }[]>().notNull().default([]),
    events: text({ enum: ['transcription.completed', 'transcription.failed', 'transcription.canceled'] })
      .array()
      .notNull(),
    createdAt: time().notNull().defaultNow(),
    /** When its host said that it is gone for good; nothing is sent there until the user enables it again. */
    disabledAt: time(),
  },
  (table) => [
    index('webhooks_user').on(table.userId, table.createdAt),
    uniqueIndex('webhooks_uploads').on(table.userId).where(isNull(table.url)),
  ],
)

/** A message to a webhook. A trigger writes those of a transcription in the transaction that ends it. */
export const deliveries = pgTable(
  'deliveries',
  {
    id: id(),
    webhookId: uuid()
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    /** Where its upload had it sent; null: to the webhook's. */
    url: text(),
    /** Null for a test. */
    transcriptionId: uuid().references(() => transcriptions.id, { onDelete: 'cascade' }),
    event: text({
      enum: ['transcription.completed', 'transcription.failed', 'transcription.canceled', 'webhook.test'],
    }).notNull(),
    state: text({ enum: ['pending', 'delivered', 'failed'] })
      .notNull()
      .default('pending'),
    /** Names the one job that brings it; null: it has none yet, and a trigger notifies `deliveries` (webhooks/relay.ts). */
    job: uuid(),
    /** How often it was taken up; an outcome is only written by the attempt that is the latest. */
    attempt: count(),
    /** Attempts that failed, since it was made or replayed. */
    failures: count(),
    /** How the latest went, in order; `status` is null where there was no answer, whose reason is then the `error`. */
    attempts: jsonb()
      .$type<{ at: string; seconds: number; status: number | null; error: string | null }[]>()
      .notNull()
      .default([]),
    /** When it is tried next. */
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

/** What is counted a minute. Not logged (its migration says so): it is written often, and a crash may forget it. */
export const counters = pgTable('counters', {
  key: text().primaryKey(),
  count: integer().notNull(),
  until: time().notNull(),
})

/**
 * What a user has had transcribed on a day (UTC). A trigger on transcriptions keeps it: the length that a header claims
 * counts until more than that is decoded or the true length is known. If a transcription ends or is deleted before that, what
 * is decoded counts.
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

/** Bytes of a user's originals in storage. A trigger on transcriptions keeps the sum, so that an upload need not add them up. */
export const storageUsage = pgTable('storage_usage', {
  userId: uuid()
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  audioBytes: bigint({ mode: 'number' }).notNull().default(0),
})

/** Audio that arrives in pieces, by the tus protocol. */
export const uploads = pgTable(
  'uploads',
  {
    id: id(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** In bytes; `offset` of them are stored. */
    length: bigint({ mode: 'number' }).notNull(),
    offset: bigint({ mode: 'number' }).notNull().default(0),
    /** What was sent as `Upload-Metadata`. */
    metadata: text().notNull(),
    /** Pieces taken in, whole or not; what a piece brings is only written by the latest. */
    piece: count(),
    /** The pieces that make up the file, in its order: each one's key ends with its number. */
    pieces: integer().array().notNull().default([]),
    /** What became of it, once all of it was there. */
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

/** Jobs of who has no queue; a trigger notifies `outbox`, and a worker takes them over (queue/outbox.ts). */
export const outbox = pgTable('outbox', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  queue: text({ enum: ['prepare', 'prepare_long', 'span', 'clip', 'webhook'] }).notNull(),
  job: jsonb().$type<NewJob<QueueName>>().notNull(),
})

/** One row: this database, as the owner of a storage (transcriptions/storage-owner.ts). Its migration writes it. */
export const installation = pgTable('installation', {
  id: id(),
  /** Higher with every start and every sweep; the storage's marker has it too, so that a database that went back is noticed. */
  generation: count(),
  /** Why the sweep removes nothing until an operator has looked; null: it removes. */
  sweepStopped: text(),
})

/** Folders of the storage whose rows were deleted. Triggers on `transcriptions` and `uploads` write them in the same transaction. */
export const storageRemovals = pgTable(
  'storage_removals',
  {
    folder: text().primaryKey(),
    createdAt: time().notNull().defaultNow(),
    /** Null: the sweep removes the folder. */
    removedAt: time(),
  },
  (table) => [
    index('storage_removals_pending').on(table.createdAt).where(isNull(table.removedAt)),
    index('storage_removals_removed').on(table.removedAt),
  ],
)

/** Folders of the storage that belong to no row, although none was deleted. */
export const storageOrphans = pgTable('storage_orphans', {
  folder: text().primaryKey(),
  firstSeenAt: time().notNull().defaultNow(),
  lastSeenAt: time().notNull().defaultNow(),
  /** Why its upload was not accepted again; null: the folder has no record of one. */
  reason: text(),
})
