/** The parent folder of all transcriptions. Each has a folder of its own with all of its files. */
export const FOLDER = 'transcriptions'
export const folderOf = (id: string) => `${FOLDER}/${id}`
export const audioKey = (id: string) => `${folderOf(id)}/audio`
/** The options with which the upload was accepted. */
export const manifestKey = (id: string) => `${folderOf(id)}/manifest`
export const pcmFolder = (id: string) => `${folderOf(id)}/pcm`
export const pcmKey = ({ id, channel = 0, piece = 0 }: { id: string; channel?: number; piece?: number }) =>
  `${pcmFolder(id)}/${channel}-${piece}`
