import type { BeginUpload } from '../../intake.ts'
import { holdIdempotencyKey } from './idempotency.ts'
import { type IntakeServices, openIntake } from './open-intake.ts'
import { checkBeforeUpload } from './usage-limits.ts'

export function createBeginUpload({
  concurrencyLimit,
  ...services
}: IntakeServices & {
  /** Counts one upload of the user until it is disposed of. Throws `too_many_at_once`. */
  concurrencyLimit: (userId: string) => Disposable
}): BeginUpload {
  const { db, usageLimits, storageQuota } = services

  return async ({ userId, idempotencyKey = null, uploadId = null, isEphemeral = false }) => {
    await using holds = new AsyncDisposableStack()
    // A resumable upload counts since its creation, and the request that completes it is counted by its own
    // service.
    const isCounted = uploadId !== null
    if (!isCounted) holds.use(concurrencyLimit(userId))
    const keyHold =
      idempotencyKey === null
        ? null
        : holds.use(await holdIdempotencyKey(db, { userId, key: idempotencyKey }))
    // A replay adds nothing, and the transcription that it returns may be the one that reached the limit.
    const isReplay = keyHold?.isAnswered ?? false
    if (!isReplay) await checkBeforeUpload(db, { userId, usageLimits })
    const incoming =
      isReplay || isCounted || !storageQuota ? null : holds.use(await storageQuota.begin(userId))
    return openIntake(services, { userId, uploadId, isEphemeral, keyHold, incoming, holds: holds.move() })
  }
}
