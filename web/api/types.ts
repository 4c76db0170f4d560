import type { Transcript as TranscriptSchema } from '../../src/transcriptions/routes/transcript.schemas.ts'
import type { List, Status as StatusSchema } from '../../src/transcriptions/transcriptions.schemas.ts'

/** The bodies of the API, by the schemas of its routes. */
export type Status = typeof StatusSchema.static
export type Transcript = typeof TranscriptSchema.static
export type Segment = Transcript['segments'][number]
export type Page = typeof List.static
/** A transcription in the list. */
export type Row = Page['transcriptions'][number]
