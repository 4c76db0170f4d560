import completions from '@bomb.sh/tab/commander'
import { Command, InvalidArgumentError, Option } from 'commander'
import manifest from '../../package.json' with { type: 'json' }
import { createClient } from './client.ts'
import { findServer } from './credentials.ts'
import { addFieldOptions, type FieldOptions, fieldsOf } from './fields.ts'
import type { Env } from './folders.ts'
import { FORMATS } from './formats.ts'
import { get, type ListOptions, list, remove } from './library.ts'
import type { OutputOptions } from './outputs.ts'
import { type SessionOptions, withSession } from './session.ts'
import { transcribe } from './transcribe.ts'
import { watch } from './watch.ts'

export type Context = {
  env: Env
  /** Aborts with `Interrupted`. */
  signal: AbortSignal
  /** Lets signals end the process as the service wants it. */
  releaseSignals: () => void
  setExitCode: (code: number) => void
}

const print = (text: string) => void process.stdout.write(text)
const write = (line: string) => void process.stderr.write(`${line}\n`)

const HELP = `
Examples:
  $ verbatim transcribe talk.mp3                      print the text
  $ verbatim transcribe talk.mp3 --local              without a server
  $ verbatim transcribe *.m4a --speakers --format srt,txt -o out/
  $ verbatim login http://localhost:3000
  $ verbatim serve

Environment:
  VERBATIM_URL, VERBATIM_API_KEY  the service, instead of "verbatim login"
  NO_COLOR                        no colors and no progress bars

Exit codes: 0 success, 1 some recordings failed, 2 wrong usage, 130 Ctrl-C.`

const TRANSCRIBE_HELP = `
Without -o, one transcript is printed, and several are written beside the recordings.

Examples:
  $ verbatim transcribe talk.mp3 -o talk.srt
  $ verbatim transcribe *.m4a https://example.com/talk.mp3 --speakers --format srt,txt -o out/
  $ ffmpeg -i film.mkv -f flac - | verbatim transcribe - --language de
  $ verbatim transcribe talk.mp3 --local --keywords "Grace Hopper,COBOL"`

const WATCH_HELP = `
Examples:
  $ verbatim watch ~/Recordings --format srt
  $ verbatim watch inbox -o transcripts --local`

const LOGIN_HELP = `
Without a terminal, the email (unless --email is given) and the password are read from lines of the standard input.

Examples:
  $ verbatim login http://localhost:3000 --register   create the account
  $ verbatim login https://speech.example.com --api-key
  $ pass speech | verbatim login https://speech.example.com --email you@example.com`

function count(text: string): number {
  const number = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0
  if (number === 0) throw new InvalidArgumentError('It takes a number from 1.')
  return number
}

const outputOption = () =>
  new Option('-o, --output <path>', 'folder for the transcripts; a file for a single one')
const formatOption = () => new Option('-f, --format <list>', `${FORMATS.join(', ')} (default: txt)`)
const forceOption = () => new Option('--force', 'replace existing files')
const jsonOption = () => new Option('--json', 'print one JSON object per line for each event')
const quietOption = () => new Option('-q, --quiet', 'show failures only')
const localOption = () => new Option('--local', 'start a service for this command, instead of using a server')

export function createProgram(context: Context): Command {
  const program = new Command('verbatim')
    .description('Turns recordings into text with a Verbatim service.')
    .version(manifest.version)
    .addHelpText('after', HELP)
    .showHelpAfterError('(see --help)')
  addTranscribe(program, context)
  addWatch(program, context)
  addLibrary(program, context)
  addAccount(program, context)
  program
    .command('serve')
    .description('run the service, as "npm start" does; environment variables are its settings')
    .action(async () => {
      context.releaseSignals()
      const { serve } = await import('./serve.ts')
      await serve(context.env)
    })
  completions(program)
  return program
}

type TranscribeOptions = FieldOptions &
  OutputOptions &
  SessionOptions & { parallel: number; cancelOnInterrupt?: boolean }

function addTranscribe(program: Command, { env, signal, setExitCode }: Context): void {
  const command = program
    .command('transcribe')
    .description('transcribe files, URLs or the standard input (-)')
    .argument('<recordings...>', 'files, http(s) URLs, or - for the standard input')
    .addOption(formatOption())
    .addOption(outputOption())
    .addOption(forceOption())
  addFieldOptions(command)
    .option('--parallel <count>', 'recordings in progress at the same time', count, 4)
    .option(
      '--cancel-on-interrupt',
      'Ctrl-C cancels on the server what is unfinished; otherwise the server continues',
    )
    .addOption(localOption())
    .addOption(jsonOption())
    .addOption(quietOption())
    .addHelpText('after', TRANSCRIBE_HELP)
    .action(async (inputs: string[], options: TranscribeOptions) => {
      const code = await withSession({ env, signal, options }, (session) =>
        transcribe(session, {
          inputs,
          parallel: options.parallel,
          isCanceledOnInterrupt: options.cancelOnInterrupt ?? false,
          fields: fieldsOf(options),
          output: options,
        }),
      )
      setExitCode(code)
    })
}

type WatchOptions = FieldOptions & OutputOptions & SessionOptions & { parallel: number; settle: number }

function addWatch(program: Command, { env, signal }: Context): void {
  const command = program
    .command('watch')
    .description('transcribe the recordings of a folder once, and those that appear')
    .argument('<folder>')
    .addOption(formatOption())
    .option('-o, --output <folder>', 'folder for the transcripts (default: the watched folder)')
    .addOption(forceOption())
  addFieldOptions(command)
    .option('--settle <seconds>', 'upload a file when it has not changed for so long', count, 5)
    .option('--parallel <count>', 'recordings in progress at the same time', count, 4)
    .addOption(localOption())
    .addOption(jsonOption())
    .addOption(quietOption())
    .addHelpText('after', WATCH_HELP)
    .action(async (folder: string, { settle, parallel, ...options }: WatchOptions) => {
      await withSession({ env, signal, options }, (session) =>
        watch(session, {
          folder,
          settleMs: settle * 1000,
          parallel,
          fields: fieldsOf(options),
          output: options,
        }),
      )
    })
}

type GetOptions = OutputOptions & SessionOptions & { wait: boolean }

function addLibrary(program: Command, { env, signal, setExitCode }: Context): void {
  program
    .command('list')
    .description('list your transcriptions, the newest first')
    .option('--status <status>', 'queued, processing, completed, failed or canceled')
    .option('--language <language>', 'only transcriptions in this language')
    .option('--search <words>', 'only transcriptions with these words in the text or the file name')
    .option('--limit <count>', 'most transcriptions to list', count, 20)
    .option('--json', 'print one JSON object per transcription')
    .action(async (options: ListOptions) => {
      await list(createClient(await findServer(env), signal), options, print)
    })
  program
    .command('get')
    .description('print or write the transcript of a transcription, when it is completed')
    .argument('<id>')
    .addOption(formatOption())
    .addOption(outputOption())
    .addOption(forceOption())
    .option('--no-wait', 'fail if the transcription is unfinished')
    .addOption(jsonOption())
    .addOption(quietOption())
    .action(async (id: string, { wait, ...options }: GetOptions) => {
      setExitCode(
        await withSession({ env, signal, options }, (session) =>
          get(session, { id, isWaiting: wait, ...options }),
        ),
      )
    })
  program
    .command('delete')
    .description('delete transcriptions with their audio')
    .argument('<ids...>')
    .action(async (ids: string[]) => {
      setExitCode(await remove(createClient(await findServer(env), signal), ids, write))
    })
}

function addAccount(program: Command, { env, signal }: Context): void {
  program
    .command('login')
    .description('store an API key for a service')
    .argument('[url]', 'URL of the service')
    .option('--email <email>', 'email of the account')
    .option('--register', 'create the account')
    .option('--api-key [key]', 'use this API key; without a value, it is asked for')
    .addHelpText('after', LOGIN_HELP)
    .action(async (url: string | undefined, options) => {
      const { login } = await import('./login.ts')
      await login({ env, signal, write }, url, options)
    })
  program
    .command('logout')
    .description('remove the stored API key')
    .option('--revoke', 'also revoke the API key; asks for the password')
    .action(async (options) => {
      const { logout } = await import('./login.ts')
      await logout({ env, signal, write }, options)
    })
}
