import { describe, expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseUrl } from '../../src/cli/credentials.ts'
import { fieldsOf, withSpeakers } from '../../src/cli/fields.ts'
import { createProgram } from '../../src/cli/program.ts'
import { ROOT } from '../support/sidecar-dir.ts'

const context = {
  env: {},
  signal: new AbortController().signal,
  releaseSignals() {},
  setExitCode() {},
}

/** Parses a command as the command line does, without running it. Throws if the usage is wrong. */
async function parse(args: string[]) {
  const program = createProgram(context)
    .exitOverride()
    .configureOutput({ writeErr() {} })
  let parsed: { command: string; args: string[]; options: Record<string, unknown> } | undefined
  for (const command of program.commands) {
    command.exitOverride().configureOutput({ writeErr() {} })
    command.action(() => {
      parsed = { command: command.name(), args: command.args, options: command.opts() }
    })
  }
  await program.parseAsync(withSpeakers(args), { from: 'user' })
  return parsed
}

/** The arguments of each `verbatim` command in the examples of a text. */
function examplesIn(text: string): string[][] {
  const lines = text.matchAll(/^(?: *\$ )?(?:[^|`\n]* \| )?(?:npx )?verbatim ([a-z][^\n|>`]*)/gm)
  return [...lines].map(([, line = '']) => {
    const words = line.replace(/&&.*| {2,}.*/, '').match(/"[^"]*"|\S+/g) ?? []
    return words.map((word) => word.replaceAll('"', ''))
  })
}

const page = await readFile(join(ROOT, 'docs/command-line.md'), 'utf8')
const source = await readFile(join(ROOT, 'src/cli/program.ts'), 'utf8')
const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block).join('\n')
const examples = [...examplesIn(blocks), ...examplesIn(source)]

test('the examples are found', () => {
  expect(examples.length).toBeGreaterThan(20)
  expect(examples).toContainEqual(['list', '--status', 'completed', '--search', 'good book'])
})

test.each(examples.map((args) => [args.join(' '), args] as const))(
  '“verbatim %s” is valid',
  async (_, args) => {
    expect(await parse(args)).toMatchObject({ command: args[0] })
  },
)

test.each([
  [['--speakers', 'a.mp3'], 'true', ['a.mp3']],
  [['a.mp3', '--speakers', '3', 'b.mp3'], '3', ['a.mp3', 'b.mp3']],
  [['--speakers=2', 'a.mp3'], '2', ['a.mp3']],
  [['a.mp3', '--', '--speakers'], undefined, ['a.mp3', '--speakers']],
])('%j is understood as the speakers %p', async (args, speakers, recordings) => {
  expect(await parse(['transcribe', ...args])).toMatchObject({
    args: recordings,
    options: speakers === undefined ? {} : { speakers },
  })
})

test('options become the fields of an upload', async () => {
  const options = ['--speakers=3', '--words', '--keywords', 'Ada,Grace', '--keywords', 'COBOL']
  const pairs = ['--replace', 'cube flow:Kubeflow', '--replace', 'a, b:c', '--min-speakers', '2']
  const parsed = await parse(['transcribe', 'a.mp3', ...options, ...pairs])
  expect(fieldsOf({ language: 'auto', ...parsed?.options })).toEqual({
    language: 'auto',
    speakers: '3',
    min_speakers: '2',
    words: 'true',
    keywords: 'Ada,Grace,COBOL',
    replace: 'cube flow:Kubeflow\na, b:c',
  })
})

describe('a URL without a scheme', () => {
  test.each([
    ['localhost:3000', 'http://localhost:3000'],
    ['127.0.0.1:3000/', 'http://127.0.0.1:3000'],
    ['speech.example.com/verbatim/', 'https://speech.example.com/verbatim'],
    ['http://speech.example.com', 'http://speech.example.com'],
  ])('%s is %s', (text, url) => {
    expect(parseUrl(text)).toBe(url)
  })
})
