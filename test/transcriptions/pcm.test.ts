import { expect, test } from 'bun:test'
import { diskStorage } from '../../src/storage/disk.ts'
import { PcmMissing, readPcm, writePcmPiece } from '../../src/transcriptions/pipeline/pcm.ts'
import { pcmKey } from '../../src/transcriptions/storage-keys.ts'
import { withFolder } from '../support/service.ts'

test('a piece of pcm that is removed while it is opened is missing', async () => {
  await withFolder(async (root) => {
    const storage = await diskStorage({ root })
    const piece = { id: '0ba9b3d4-59f0-4f59-8c9e-e9866913c8fc', channel: 0, piece: 0 }
    const range = { id: piece.id, channel: 0, startSample: 0, endSample: 2 }
    await writePcmPiece(storage, { ...piece, pcm: new Uint8Array([1, 0, 2, 0]) })
    expect(await readPcm(storage, range)).toEqual(new Uint8Array([1, 0, 2, 0]))

    const removing: typeof storage = {
      ...storage,
      async read(key, part) {
        const stream = await storage.read(key, part)
        await storage.remove(pcmKey(piece))
        return stream
      },
    }
    const error = await readPcm(removing, range).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(PcmMissing)
  })
})
