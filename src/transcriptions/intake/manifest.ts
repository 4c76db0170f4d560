import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { ENGINE_NAMES } from '../../engines/engine.ts'
import type { Storage } from '../../storage/storage.ts'
import { manifestKey } from '../storage-keys.ts'
import type { AcceptedUpload } from './accepted.ts'

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const NullableText = nullable(Type.String())
const NullableNumber = nullable(Type.Number())
/** Missing in manifests of earlier versions. */
const OptionalNumber = Type.Union([Type.Number(), Type.Null()], { default: null })
const Track = Type.Object({
  number: Type.Number(),
  codec: Type.String(),
  channels: Type.Number(),
  language: NullableText,
  title: NullableText,
  isDefault: Type.Boolean(),
})

/** A default is for what the manifests of earlier versions lack. */
const Options = Type.Object({
  language: Type.String(),
  task: Type.Union([Type.Literal('transcribe'), Type.Literal('translate')]),
  words: Type.Boolean(),
  quality: Type.Union([Type.Literal('fast'), Type.Literal('balanced'), Type.Literal('best')], {
    default: 'balanced',
  }),
  engine: nullable(Type.Union(ENGINE_NAMES.map((name) => Type.Literal(name)))),
  model: Type.Union([Type.String(), Type.Null()], { default: null }),
  verify: Type.Boolean({ default: false }),
  channels: Type.Union([Type.Literal('mix'), Type.Literal('split')]),
  track: OptionalNumber,
  partStart: NullableNumber,
  partEnd: NullableNumber,
  webhookUrl: NullableText,
  prompt: Type.Union([Type.String(), Type.Null()], { default: null }),
  keywords: Type.Array(Type.String(), { default: [] }),
  replacements: Type.Array(Type.Object({ heard: Type.String(), written: Type.String() }), { default: [] }),
  languages: Type.Array(Type.String(), { default: [] }),
  temperature: Type.Number({ default: 0 }),
  diarize: Type.Boolean({ default: false }),
  minSpeakers: OptionalNumber,
  maxSpeakers: OptionalNumber,
  isLanguageDefault: Type.Boolean({ default: false }),
  script: Type.Union([Type.Literal('simplified'), Type.Literal('traditional'), Type.Null()], {
    default: null,
  }),
})

/** `headerValue` is encrypted. */
const StoredCallback = Type.Object({
  format: Type.Union([Type.Literal('assemblyai'), Type.Literal('deepgram')]),
  method: Type.Union([Type.Literal('POST'), Type.Literal('PUT')]),
  headerName: NullableText,
  headerValue: NullableText,
  request: NullableText,
})

const Manifest = Type.Object({
  version: Type.Literal(1),
  id: Type.String(),
  userId: Type.String(),
  /** ISO 8601. */
  createdAt: Type.String(),
  options: Options,
  callback: Type.Union([StoredCallback, Type.Null()], { default: null }),
  filename: NullableText,
  audio: Type.Object({ bytes: Type.Number(), sha256: Type.String() }),
  sound: Type.Object({
    container: Type.String(),
    codec: NullableText,
    channels: Type.Number(),
    claimedSeconds: NullableNumber,
    track: OptionalNumber,
    tracks: Type.Array(Track, { default: [] }),
  }),
  /** The resumable upload that became this transcription. */
  uploadId: NullableText,
  idempotency: nullable(Type.Object({ key: Type.String(), fingerprint: Type.String() })),
})

/**
 * The facts of an accepted upload, stored beside its audio so that the upload can be accepted again if its
 * row is lost. Storage is synced to disk and the embedded database is not, and a database may be restored
 * from an older backup.
 */
export type Manifest = Omit<Static<typeof Manifest>, 'options'> & {
  options: AcceptedUpload['options']
}

export async function writeManifest(
  storage: Pick<Storage, 'write'>,
  {
    upload: { id, userId, options, callback, filename, audio, inspection },
    uploadId,
    idempotency,
  }: { upload: AcceptedUpload } & Pick<Manifest, 'uploadId' | 'idempotency'>,
): Promise<void> {
  const manifest: Manifest = {
    version: 1,
    id,
    userId,
    createdAt: new Date().toISOString(),
    options,
    callback,
    filename,
    audio,
    sound: inspection,
    uploadId,
    idempotency,
  }
  const json = new Blob([JSON.stringify(manifest)])
  await storage.write(manifestKey(id), json.stream(), { mayUseReserve: true })
}

/** Null if it is not a valid manifest. Throws `not_found`. */
export async function readManifest(storage: Pick<Storage, 'read'>, id: string): Promise<Manifest | null> {
  const text = await new Response(await storage.read(manifestKey(id))).text()
  try {
    const manifest = Value.Default(Manifest, JSON.parse(text))
    return Value.Check(Manifest, manifest) && manifest.id === id ? manifest : null
  } catch {
    return null
  }
}
