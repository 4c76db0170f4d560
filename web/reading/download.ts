import { authorizedFetch, responseError } from '../api/client.ts'

/** The formats of the API, with the ends of their file names. The last two need speakers. */
export const FORMATS = [
  { format: 'txt', ending: 'txt', needsSpeakers: false },
  { format: 'srt', ending: 'srt', needsSpeakers: false },
  { format: 'vtt', ending: 'vtt', needsSpeakers: false },
  { format: 'tsv', ending: 'tsv', needsSpeakers: false },
  { format: 'json', ending: 'json', needsSpeakers: false },
  { format: 'verbose_json', ending: 'verbose.json', needsSpeakers: false },
  { format: 'diarized_json', ending: 'diarized.json', needsSpeakers: true },
  { format: 'rttm', ending: 'rttm', needsSpeakers: true },
] as const

export type Format = (typeof FORMATS)[number]

/** Saves a transcript as a file that is named like its recording. */
export async function downloadTranscript(
  { id, filename, isPartial }: { id: string; filename: string; isPartial: boolean },
  { format, ending }: Format,
): Promise<void> {
  const partial = isPartial ? '&partial=true' : ''
  const response = await authorizedFetch(`/api/transcriptions/${id}/transcript?format=${format}${partial}`)
  if (!response.ok) throw await responseError(response)
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = `${filename.replace(/\.[^.]{1,5}$/, '')}.${ending}`
  link.click()
  // The browser reads the file after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
