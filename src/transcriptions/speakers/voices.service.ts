import { withUserLock } from '../../auth/users.store.ts'
import type { Database } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import { isUuid } from '../../uuid.ts'
import { createRequireOwned } from '../owned.ts'
import { parseName } from './names.ts'
import { voiceIn } from './voice-sample.ts'
import { countVoices, insertVoice, listVoices, removeVoice, type Voice } from './voices.store.ts'

/** The maximum for each user. */
const MAX_VOICES = 100

export type VoicesService = ReturnType<typeof createVoicesService>

/** Voices of people that a user has enrolled, by which speakers get their names. */
export function createVoicesService({ db }: { db: Database }) {
  const requireOwned = createRequireOwned(db)

  return {
    /** A valid name that is free. Throws `validation`, `voice_exists` and `too_many_voices`. */
    async freeName({ userId, name: text }: { userId: string; name: string | undefined }): Promise<string> {
      const name = parseName(text ?? '')
      if (name === '')
        throw new VerbatimError('validation', 'name is missing: send the name of the person', {
          field: 'name',
        })
      const voices = await listVoices(db, userId)
      if (voices.some((voice) => voice.name === name)) throw voiceExists(name)
      if (voices.length >= MAX_VOICES) throw tooManyVoices()
      return name
    },

    /**
     * Enrolls the voice of a sample that was transcribed (`SAMPLE_FIELDS`). Throws `unusable_sample`,
     * `engine_unavailable`, `voice_exists` and `too_many_voices`.
     */
    async enroll({
      userId,
      name,
      transcriptionId,
    }: {
      userId: string
      name: string
      transcriptionId: string
    }) {
      const voice = await voiceIn({ db, requireOwned }, { id: transcriptionId, userId })
      return withUserLock(db, userId, async (tx) => {
        if ((await countVoices(tx, userId)) >= MAX_VOICES) throw tooManyVoices()
        const row = await insertVoice(tx, { userId, name, ...voice })
        if (!row) throw voiceExists(name)
        return formatVoice(row)
      })
    },

    async list(userId: string) {
      return { voices: (await listVoices(db, userId)).map(formatVoice) }
    },

    /** Throws `not_found`. */
    async remove(keys: { id: string; userId: string }): Promise<void> {
      if (!isUuid(keys.id) || !(await removeVoice(db, keys))) {
        throw new VerbatimError('not_found', 'Voice not found')
      }
    },
  }
}

function formatVoice({ id, name, seconds, createdAt }: Voice) {
  return { id, name, seconds, created_at: createdAt.toISOString() }
}

const voiceExists = (name: string) =>
  new VerbatimError(
    'voice_exists',
    `You have a voice with the name ${name}: delete it first, or send another name`,
  )

const tooManyVoices = () =>
  new VerbatimError('too_many_voices', `You have ${MAX_VOICES} voices: delete one first`)
