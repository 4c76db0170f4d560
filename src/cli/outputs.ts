import { access, mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname, extname, join } from 'node:path'
import { Failure, UsageError } from './failure.ts'
import { extensionOf, type Format, formatOfPath, parseFormats } from './formats.ts'
import type { Source } from './sources.ts'

/** Where a transcript goes. `path` is null for the standard output. */
export type Output = { format: Format; path: string | null }

/** What `--format`, `--output` and `--force` say. */
export type OutputOptions = {
  format?: string | undefined
  output?: string | undefined
  force?: boolean | undefined
}

/**
 * The outputs of each source. A single transcript goes to the standard output or to the file `--output`; otherwise
 * files are written to the folder `--output`, or beside the recordings.
 */
export async function planOutputs(sources: Source[], options: OutputOptions): Promise<Output[][]> {
  const { output } = options
  const formats = parseFormats(options.format ?? formatOfPath(output ?? '') ?? 'txt')
  const [first] = formats
  const isSingle = sources.length === 1 && formats.length === 1 && first !== undefined
  if (isSingle && output === undefined) return [[{ format: first, path: null }]]
  if (isSingle && output !== undefined && (await isFilePath(output)))
    return [[{ format: first, path: output }]]
  const names = baseNames(sources)
  const plan = sources.map((source, index) => {
    const folder = output ?? (source.kind === 'file' ? dirname(source.label) : '.')
    return formats.map((format) => ({ format, path: join(folder, `${names[index]}${extensionOf(format)}`) }))
  })
  requireDistinct(plan.flat().map(({ path }) => path))
  return plan
}

/** A path with an extension that is not a folder. */
async function isFilePath(path: string): Promise<boolean> {
  if (path.endsWith('/') || extname(path) === '') return false
  const found = await stat(path).catch(() => null)
  return !found?.isDirectory()
}

const stemOf = (name: string) => name.slice(0, name.length - extname(name).length) || name

/** File names without extensions; those of `talk.mp3` and `talk.wav` keep theirs. */
export function baseNames(sources: Pick<Source, 'filename'>[]): string[] {
  const stems = sources.map(({ filename }) => stemOf(filename))
  return sources.map(({ filename }, index) => {
    const stem = stems[index] ?? filename
    return stems.filter((other) => other === stem).length > 1 ? filename : stem
  })
}

function requireDistinct(paths: string[]): void {
  const twice = paths.find((path, index) => paths.indexOf(path) !== index)
  if (twice === undefined) return
  throw new UsageError(
    `Two recordings have the same name and would both write ${twice}: transcribe them apart`,
  )
}

/** Throws `Failure` if an output exists already, before anything is uploaded. */
export async function requireAbsent(outputs: Output[], { force = false }: OutputOptions): Promise<void> {
  for (const { path } of force ? [] : outputs) {
    if (path !== null && (await exists(path))) throw alreadyThere(path)
  }
}

export const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

const alreadyThere = (path: string) =>
  new Failure('output_exists', `${path} exists already: use --force to replace it`)

export async function writeOutput(
  path: string,
  text: string,
  { force = false }: OutputOptions,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text, { flag: force ? 'w' : 'wx' }).catch((error) => {
    if (error.code === 'EEXIST') throw alreadyThere(path)
    throw new Failure('output', `Cannot write ${path}: ${error.message}`)
  })
}
