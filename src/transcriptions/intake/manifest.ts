import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Storage } from '../../storage/storage.ts'
import { manifestKey } from '../storage-keys.ts'
import type { parseOptions } from './options.ts'

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const NullableText = nullable(Type.String())
const NullableNumber = nullable(Type.Number())

const Options = Type.Object({
  language: Type.String(),
  task: Type.Union([Type.Literal('transcribe'), Type.Literal('translate')]),
  words: Type.Boolean(),
  engine: nullable(Type.Union([Type.Literal('sidecar'), Type.Literal('huggingface')])),
  channels: Type.Union([Type.Literal('mix'), Type.Literal('split')]),
  partStart: NullableNumber,
  partEnd: NullableNumber,
  webhookUrl: NullableText,
})

const Manifest = Type.Object({
  version: Type.Literal(1),
  id: Type.String(),
  userId: Type.String(),
  /** ISO 8601. */
  createdAt: Type.String(),
  options: Options,
  filename: NullableText,
  audio: Type.Object({ bytes: Type.Number(), sha256: Type.String() }),
  sound: Type.Object({
    container: Type.String(),
    codec: NullableText,
    channels: Type.Number(),
    claimedSeconds: NullableNumber,
  }),
  /** The resumable upload that it was. */
  uploadId: NullableText,
  idempotency: nullable(Type.Object({ key: Type.String(), fingerprint: Type.String() })),
})

/**
 * What an upload was accepted with. It is stored beside the audio, so that the upload can be accepted again if its row is
 * lost: the storage is synced to the disk, and the embedded database is not; and a database may be restored from an older
 * backup.
 */
export type Manifest = Omit<Static<typeof Manifest>, 'options'> & {
  options: ReturnType<typeof parseOptions>
}

export async function writeManifest(storage: Pick<Storage, 'write'>, manifest: Manifest): Promise<void> {
  await storage.write(manifestKey(manifest.id), new Blob([JSON.stringify(manifest)]).stream(), {
    mayUseReserve: true,
  })
}

/** Null if it is not one. Throws `not_found`. */
export async function readManifest(storage: Pick<Storage, 'read'>, id: string): Promise<Manifest | null> {
  const text = await new Response(await storage.read(manifestKey(id))).text()
  try {
    const manifest: unknown = JSON.parse(text)
    return Value.Check(Manifest, manifest) && manifest.id === id ? manifest : null
  } catch {
    return null
  }
}
