import { type Command, InvalidArgumentError, Option } from 'commander'

/** The options of a transcription, as commander names them. */
export type FieldOptions = {
  language: string
  languages?: string
  task?: string
  words?: boolean
  quality?: string
  model?: string
  verify?: boolean
  engine?: string
  speakers?: string
  minSpeakers?: string
  maxSpeakers?: string
  channels?: string
  track?: string
  start?: string
  end?: string
  prompt?: string
  keywords?: string[]
  replace?: string[]
}

const repeated = (value: string, previous: string[] = []) => [...previous, value]

function parseSpeakers(value: string): string {
  if (/^(true|\d{1,2})$/.test(value)) return value
  throw new InvalidArgumentError('It takes a number: --speakers=3.')
}

/** Adds the options of a transcription to a command. The server checks their values. */
export function addFieldOptions(command: Command): Command {
  return command
    .option(
      '-l, --language <language>',
      'language of the speech, such as en or German; auto detects it',
      'auto',
    )
    .option('--languages <list>', 'with --language auto: the only languages that may be detected')
    .addOption(new Option('--task <task>', 'translate: into English').choices(['transcribe', 'translate']))
    .option('--words', 'add the times of words')
    .addOption(
      new Option('--quality <quality>', 'accuracy against time').choices(['fast', 'balanced', 'best']),
    )
    .option('--model <name>', 'a model that the server runs')
    .option('--verify', 'decode doubtful text again with the larger model of the server')
    .addOption(
      new Option(
        '--speakers [count]',
        'tell speakers apart; --speakers=3 if their number is known',
      ).argParser(parseSpeakers),
    )
    .option('--min-speakers <count>', 'least number of speakers')
    .option('--max-speakers <count>', 'greatest number of speakers')
    .option('--keywords <list>', 'names and terms to expect, separated by commas; may be repeated', repeated)
    .option('--prompt <text>', 'text in the style and with the names to expect')
    .option('--replace <heard:written>', 'write words differently; may be repeated', repeated)
    .addOption(new Option('--channels <mode>', 'split: transcribe each channel').choices(['mix', 'split']))
    .option('--track <number>', 'audio track to transcribe')
    .option('--start <seconds>', 'transcribe from this time')
    .option('--end <seconds>', 'transcribe up to this time')
    .addOption(
      new Option('--engine <engine>', 'send the audio to this engine only').choices([
        'sidecar',
        'hosted',
        'openai',
      ]),
    )
}

/** The fields of an upload (docs/api.md). */
export function fieldsOf(options: FieldOptions): Record<string, string> {
  const fields = {
    language: options.language,
    languages: options.languages,
    task: options.task,
    words: options.words ? 'true' : undefined,
    quality: options.quality,
    model: options.model,
    verify: options.verify ? 'true' : undefined,
    engine: options.engine,
    speakers: options.speakers,
    min_speakers: options.minSpeakers,
    max_speakers: options.maxSpeakers,
    channels: options.channels,
    track: options.track,
    start: options.start,
    end: options.end,
    prompt: options.prompt,
    keywords: options.keywords?.join(','),
    // A pair can contain commas.
    replace: options.replace?.join('\n'),
  }
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, value]],
    ),
  )
}

/**
 * `--speakers` without a number takes no argument. commander would take the name of a file that follows as its value.
 */
export function withSpeakers(args: string[]): string[] {
  const end = args.indexOf('--')
  return args.map((argument, index) => {
    const isOption = argument === '--speakers' && (end < 0 || index < end)
    return isOption && !/^\d{1,2}$/.test(args[index + 1] ?? '') ? '--speakers=true' : argument
  })
}
