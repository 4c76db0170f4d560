import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Node, parse } from 'acorn'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))

/** A regular expression in the source: a literal, an argument of `RegExp`, or the `pattern` of a schema. */
export type SourcePattern = { file: string; source: string; flags: string }

/** All patterns of `src`. Throws for a pattern whose text is only known at run time. */
export async function sourcePatterns(): Promise<SourcePattern[]> {
  const files = await readdir(SRC, { recursive: true })
  const modules = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts')).sort()
  const patterns = await Promise.all(
    modules.map(async (file) => patternsIn(file, await readFile(join(SRC, file), 'utf8'))),
  )
  return patterns.flat()
}

export function patternsIn(file: string, typescript: string): SourcePattern[] {
  const code = new Bun.Transpiler({ loader: 'ts' }).transformSync(typescript)
  const program = parse(code, { ecmaVersion: 'latest', sourceType: 'module' })
  const constants = new Map<string, string>()
  const patterns: SourcePattern[] = []

  /** The value of a constant string expression; null for any other expression. */
  function textOf(node: unknown): string | null {
    if (!isNode(node)) return null
    if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : null
    if (node.type === 'Identifier') return constants.get(String(node.name)) ?? null
    if (node.type !== 'TemplateLiteral') return null
    const texts = listOf(node.quasis).map(({ value }) => cookedOf(value))
    const inserted = listOf(node.expressions).map(textOf)
    return inserted.includes(null) ? null : texts.map((text, at) => text + (inserted[at] ?? '')).join('')
  }

  function add(node: unknown, flags: unknown) {
    const source = textOf(node)
    if (source === null) throw new Error(`src/${file} builds a regular expression that is not a constant`)
    patterns.push({ file, source, flags: textOf(flags) ?? '' })
  }

  function visit(node: Record<string, unknown>) {
    if (node.type === 'VariableDeclarator' && isNode(node.id) && node.id.type === 'Identifier') {
      const text = textOf(node.init)
      if (text !== null) constants.set(String(node.id.name), text)
    }
    if (node.type === 'Literal' && isObject(node.regex)) {
      patterns.push({ file, source: String(node.regex.pattern), flags: String(node.regex.flags) })
    }
    const isCall = node.type === 'NewExpression' || node.type === 'CallExpression'
    if (isCall && isNode(node.callee) && node.callee.name === 'RegExp') {
      const [source, flags] = listOf(node.arguments)
      add(source, flags)
    }
    if (node.type === 'Property' && isNode(node.key) && node.key.name === 'pattern') add(node.value, null)
    for (const child of Object.values(node)) {
      for (const each of Array.isArray(child) ? child : [child]) if (isNode(each)) visit(each)
    }
  }
  visit({ ...program })
  return patterns
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
const isNode = (value: unknown): value is Record<string, unknown> & Node =>
  isObject(value) && typeof value.type === 'string'
const listOf = (value: unknown) => (Array.isArray(value) ? value.filter(isNode) : [])
const cookedOf = (value: unknown) => (isObject(value) ? String(value.cooked) : '')
