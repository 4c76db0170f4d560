import { VerbatimError } from '../errors.ts'
import type { TranscriptionsService } from '../transcriptions/transcriptions.service.ts'
import { confidenceOf, utterancesOf, wordsOf } from './sentences.ts'

export type ReadingServices = { transcriptions: TranscriptionsService; publicUrl: () => string }

type Keys = { id: string; userId: string }
type Status = Awaited<ReturnType<TranscriptionsService['status']>>
type Webhook = Awaited<ReturnType<TranscriptionsService['webhook']>>
type Spoken = Awaited<ReturnType<TranscriptionsService['transcript']>>

export const STATUSES = ['queued', 'processing', 'completed', 'error'] as const

/** AssemblyAI has no canceled transcripts. */
export const statusOf = (status: Status['status']): (typeof STATUSES)[number] =>
  status === 'failed' || status === 'canceled' ? 'error' : status

/** Why a transcription has the status `error`; null if it has another one. */
export function errorOf({ status, failure }: Pick<Status, 'status' | 'failure'>): string | null {
  if (status === 'canceled') return 'The transcription was canceled'
  return status === 'failed' ? (failure?.error ?? 'The transcription failed') : null
}

/** Reads a transcription as AssemblyAI's transcript. Throws `not_found`. */
export async function readTranscript({ transcriptions, publicUrl }: ReadingServices, keys: Keys) {
  const status = await transcriptions.status(keys)
  const spoken =
    status.status === 'completed' ? await transcriptions.transcript({ ...keys, partial: false }) : null
  const webhook = await transcriptions.webhook(keys)
  return {
    ...NOT_OFFERED,
    id: status.id,
    status: statusOf(status.status),
    audio_url: status.audio_file ?? audioUrl(publicUrl(), status.id),
    audio_duration: status.duration === null ? null : Math.round(status.duration),
    audio_start_from: toMs(status.start),
    audio_end_at: toMs(status.end),
    language_code: status.language === 'auto' ? null : status.language,
    multichannel: status.channels === 'split',
    error: errorOf(status),
    ...(webhook && webhookOf(webhook)),
    ...(spoken ? contentOf(spoken, status) : NO_CONTENT),
  }
}

/** The transcript of a completed transcription. Throws `not_found`, and `not_ready` for any other status. */
export async function readCompleted(
  { transcriptions }: Pick<ReadingServices, 'transcriptions'>,
  keys: Keys,
): Promise<Spoken> {
  const { status } = await transcriptions.status(keys)
  if (status === 'completed') return transcriptions.transcript({ ...keys, partial: false })
  throw new VerbatimError(
    'not_ready',
    `The transcript has the status ${statusOf(status)}; this route needs a completed one`,
  )
}

/** The fields that describe passages of a transcript. */
export function headOf({ id, duration, engines, segments }: Spoken) {
  return {
    id,
    confidence: confidenceOf(wordsOf(segments)) ?? 0,
    audio_duration: Math.round(duration),
    speech_model_used: engines[0]?.model ?? null,
  }
}

/** The original without a signature, which opens nothing. */
export const audioUrl = (publicUrl: string, id: string) => `${publicUrl}/api/transcriptions/${id}/audio`

function contentOf({ segments, text, languages, engines, speakers }: Spoken, { channels }: Status) {
  const words = wordsOf(segments)
  return {
    text,
    words,
    utterances: channels === 'split' || speakers !== null ? utterancesOf(segments) : null,
    speaker_labels: speakers !== null,
    confidence: confidenceOf(words),
    language_codes: languages,
    speech_model_used: engines[0]?.model ?? null,
  }
}

function webhookOf({ url, headerName, status }: NonNullable<Webhook>) {
  return {
    webhook_url: url,
    webhook_status_code: status,
    webhook_auth: headerName !== null,
    webhook_auth_header_name: headerName,
  }
}

const NO_CONTENT = {
  text: null,
  words: null,
  utterances: null,
  confidence: null,
  language_codes: null,
  speech_model_used: null,
}

/** What AssemblyAI's documentation shows in the place of a deleted transcript. */
export const DELETED = {
  ...NO_CONTENT,
  audio_url: 'http://deleted_by_user',
  text: 'Deleted by user.',
}

/** Members that clients may expect, of features that this service does not have. */
export const NOT_OFFERED = {
  acoustic_model: 'default',
  language_model: 'default',
  speech_model: null,
  language_confidence: null,
  language_confidence_threshold: null,
  punctuate: true,
  format_text: true,
  auto_chapters: false,
  auto_highlights: false,
  content_safety: false,
  disfluencies: false,
  entity_detection: false,
  filter_profanity: false,
  iab_categories: false,
  redact_pii: false,
  sentiment_analysis: false,
  speaker_labels: false,
  summarization: false,
  webhook_auth: false,
  auto_highlights_result: null,
  chapters: null,
  content_safety_labels: null,
  entities: null,
  iab_categories_result: null,
  sentiment_analysis_results: null,
  speakers_expected: null,
  summary: null,
  summary_model: null,
  summary_type: null,
  webhook_auth_header_name: null,
  webhook_status_code: null,
  webhook_url: null,
}

const toMs = (seconds: number | null) => (seconds === null ? null : Math.round(seconds * 1000))
