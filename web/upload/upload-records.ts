import { stored } from '../stored.ts'

/** An unfinished upload, kept in localStorage so that it can be resumed after a reload. */
export type UploadRecord = {
  key: string
  /** The account that uploads. */
  account: string
  name: string
  size: number
  metadata: Record<string, string>
  /** The URL of the resumable upload; null until the server has created it. */
  url: string | null
  sent: number
  /** The tab that uploads, and when it last said so. */
  tab: string
  seenAt: number
}

/** A tab that has not reported for this long was closed. */
const SILENT_MS = 15_000
export const REPORT_EVERY_MS = 5_000

const tab = sessionStorage.getItem('verbatim.tab') ?? crypto.getRandomValues(new Uint32Array(2)).join('-')
sessionStorage.setItem('verbatim.tab', tab)

const records = stored<UploadRecord[]>('verbatim.uploads', [], (value) =>
  Array.isArray(value) ? value.filter(isRecord) : [],
)

export function addRecord(record: Omit<UploadRecord, 'tab' | 'seenAt'>): void {
  records.value = [...records.value, { ...record, tab, seenAt: Date.now() }]
}

export function updateRecord(key: string, changes: Partial<Pick<UploadRecord, 'url' | 'sent'>>): void {
  records.value = records.value.map((record) =>
    record.key === key ? { ...record, ...changes, tab, seenAt: Date.now() } : record,
  )
}

export function removeRecord(key: string): void {
  records.value = records.value.filter((record) => record.key !== key)
}

/** The uploads of an account that no open tab continues. */
export function abandonedRecords(account: string): UploadRecord[] {
  const isAbandoned = (record: UploadRecord) => record.tab === tab || Date.now() - record.seenAt > SILENT_MS
  return records.value.filter((record) => record.account === account && isAbandoned(record))
}

function isRecord(value: unknown): value is UploadRecord {
  return (
    typeof value === 'object' && value !== null && 'key' in value && 'account' in value && 'metadata' in value
  )
}
