import { effect, type Signal, signal } from '@preact/signals'
import { account } from '../api/account.ts'
import { errorText } from '../api/client.ts'
import { session } from '../api/session.ts'
import { messages } from '../i18n/messages.ts'
import { refreshLibrary } from '../library/library.ts'
import { dropKeptFile, findKeptFile, keepFile } from './kept-files.ts'
import { fieldsOf, options } from './options.ts'
import type { Transfer } from './transfer.ts'
import {
  abandonedRecords,
  addRecord,
  REPORT_EVERY_MS,
  removeRecord,
  type UploadRecord,
  updateRecord,
} from './upload-records.ts'

/**
 * waiting → sending ⇄ paused, offline → (gone: the transcription is in the library)
 * `offline`: the next attempt follows by itself. `failed`: the user can try again. `file-needed`: the page was loaded
 * again, and the file must be chosen again.
 */
type UploadState = 'waiting' | 'sending' | 'offline' | 'paused' | 'failed' | 'file-needed'

export type UploadItem = {
  key: string
  name: string
  size: number
  metadata: Record<string, string>
  url: string | null
  file: File | null
  transfer: Transfer | null
  state: Signal<UploadState>
  sent: Signal<number>
  error: Signal<string | null>
}

/** More at once would only share the same line. */
const MAX_SENDING = 2

/** The unfinished uploads of this tab, in the order of their start. */
export const uploads = signal<UploadItem[]>([])

/** Starts the uploads. Resolves when the files are kept for another load of the page. */
export async function addFiles(files: Iterable<File>, { isRecording = false } = {}): Promise<void> {
  const kept: Promise<void>[] = []
  for (const file of files) {
    if (resumeWith(file)) continue
    const key = crypto.getRandomValues(new Uint32Array(4)).join('-')
    const { name, size } = file
    const record = { key, name, size, url: null, metadata: fieldsOf(options.value), sent: 0 }
    addRecord({ ...record, account: account.value?.id ?? '' })
    addItem(record, { file, state: 'waiting' })
    kept.push(keepFile(key, file, { isRecording }))
  }
  startNext()
  await Promise.all(kept)
}

/** Continues an upload that waits for this file. */
function resumeWith(file: File): boolean {
  const item = uploads.value.find((item) => item.state.value === 'file-needed' && isFileOf(item, file))
  if (!item) return false
  item.file = file
  item.error.value = null
  item.state.value = 'waiting'
  return true
}

/** Not by the time of its last change: on phones, it is that of the choice. */
const isFileOf = ({ name, size }: UploadItem, file: File) => name === file.name && size === file.size

/** Continues this upload with the file that the user chose again. */
export function resumeWithFile(item: UploadItem, file: File): void {
  if (!isFileOf(item, file)) item.error.value = messages.value.otherFile(item.name)
  else if (resumeWith(file)) startNext()
}

type ItemRecord = Omit<UploadRecord, 'account' | 'tab' | 'seenAt'>

function addItem(record: ItemRecord, { file, state }: { file: File | null; state: UploadState }): void {
  const { sent, ...rest } = record
  const item: UploadItem = {
    ...rest,
    file,
    transfer: null,
    state: signal(state),
    sent: signal(sent),
    error: signal(null),
  }
  uploads.value = [...uploads.value, item]
}

/** Shows the uploads that an earlier load of the page left unfinished, and continues those whose file it kept. */
export async function restoreUploads(accountId: string): Promise<void> {
  for (const record of abandonedRecords(accountId)) {
    if (uploads.value.some(({ key }) => key === record.key)) continue
    const file = await findKeptFile(record.key)
    updateRecord(record.key, {})
    addItem(record, { file, state: file ? 'waiting' : 'file-needed' })
  }
  startNext()
}

function startNext(): void {
  const isActive = ({ state }: UploadItem) => state.value === 'sending' || state.value === 'offline'
  const free = MAX_SENDING - uploads.value.filter(isActive).length
  const waiting = uploads.value.filter(({ state }) => state.value === 'waiting')
  for (const item of waiting.slice(0, Math.max(0, free))) send(item)
}

async function send(item: UploadItem): Promise<void> {
  const { file } = item
  if (!file) return
  item.state.value = 'sending'
  item.error.value = null
  const { startTransfer } = await import('./transfer.ts')
  // The user may have paused or removed it meanwhile.
  if (item.state.value !== 'sending' || !uploads.value.includes(item)) return
  item.transfer = startTransfer({
    file,
    url: item.url,
    metadata: item.metadata,
    onUrl(url) {
      item.url = url
      updateRecord(item.key, { url })
    },
    onProgress(sentBytes) {
      item.sent.value = sentBytes
      if (item.state.value === 'offline') item.state.value = 'sending'
    },
    onInterrupted() {
      if (item.state.value === 'sending') item.state.value = 'offline'
    },
    onDone() {
      forget(item)
      refreshLibrary()
    },
    onError(error) {
      item.state.value = 'failed'
      item.error.value = error.code === 'offline' ? messages.value.uploadGaveUp : errorText(error)
      startNext()
    },
  })
}

export async function pauseUpload(item: UploadItem): Promise<void> {
  item.state.value = 'paused'
  await item.transfer?.pause()
  item.transfer = null
  startNext()
}

export function resumeUpload(item: UploadItem): void {
  item.state.value = 'waiting'
  startNext()
}

/** Gives an upload up, also at the server. */
export async function cancelUpload(item: UploadItem): Promise<void> {
  forget(item)
  await item.transfer?.cancel().catch(() => {})
}

function forget(item: UploadItem): void {
  uploads.value = uploads.value.filter((other) => other !== item)
  removeRecord(item.key)
  dropKeptFile(item.key)
  startNext()
}

// The uploads of an account stop with its session. Their records stay for its next one.
effect(() => {
  if (session.value) return
  for (const { transfer } of uploads.peek()) transfer?.pause()
  uploads.value = []
})

// Other tabs do not continue an upload whose record was updated a moment ago.
setInterval(() => {
  for (const { key, sent } of uploads.value) updateRecord(key, { sent: sent.value })
}, REPORT_EVERY_MS)
addEventListener('pagehide', () => {
  for (const { key, sent } of uploads.value) updateRecord(key, { sent: sent.value })
})
