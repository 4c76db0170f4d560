/** A file of the page, compressed with gzip. */
export type PageFile = { type: string; gzip: Uint8Array<ArrayBuffer> }

/** The built page (`web/build.ts`). */
export type Page = {
  /** The document of every view. */
  document: PageFile
  /** Identifies this build, for `ETag`. */
  hash: string
  /** Files by their path without the leading slash. Names in `assets/` contain a hash of the content. */
  files: ReadonlyMap<string, PageFile>
  /** workerd compresses a body by itself if the response has `Content-Encoding`. */
  isCompressedByRuntime: boolean
}

/** A build as the module that `npm run build:page` writes; `gzip` is base64. */
export type PageModule = { hash: string; files: Record<string, { type: string; gzip: string }> }

const DOCUMENT = 'index.html'

export function parsePage({ hash, files }: PageModule, { isCompressedByRuntime = false } = {}): Page {
  const entries = Object.entries(files).map(
    ([path, { type, gzip }]) => [path, { type, gzip: Uint8Array.fromBase64(gzip) }] as const,
  )
  const document = entries.find(([path]) => path === DOCUMENT)?.[1]
  if (!document) throw new Error(`The built page has no ${DOCUMENT}`)
  return {
    hash,
    document,
    isCompressedByRuntime,
    files: new Map(entries.filter(([path]) => path !== DOCUMENT)),
  }
}
