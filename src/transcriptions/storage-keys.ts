/** Where a transcription's bytes are stored; removing the folder removes all of them. */
export const FOLDER = 'transcriptions'
export const folderOf = (id: string) => `${FOLDER}/${id}`
export const audioKey = (id: string) => `${folderOf(id)}/audio`
/** What the upload was accepted with. */
export const manifestKey = (id: string) => `${folderOf(id)}/manifest`
export const pcmFolder = (id: string) => `${folderOf(id)}/pcm`
export const pcmKey = ({ id, channel = 0, piece = 0 }: { id: string; channel?: number; piece?: number }) =>
  `${pcmFolder(id)}/${channel}-${piece}`
