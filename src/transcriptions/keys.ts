/** Where a transcription's bytes are stored; removing the folder removes all of them. */
export const FOLDER = 'transcriptions'
export const folderOf = (id: string) => `${FOLDER}/${id}`
export const audioKey = (id: string) => `${folderOf(id)}/audio`
export const pcmKey = (id: string, channel = 0) => `${folderOf(id)}/pcm${channel === 0 ? '' : `-${channel}`}`
