import { useSignal } from '@preact/signals'
import { messages } from '../i18n/messages.ts'
import { CopyButton } from './copy-button.tsx'

const LANGUAGES = ['curl', 'python', 'javascript'] as const
type Language = (typeof LANGUAGES)[number]
const NAMES: Record<Language, string> = { curl: 'curl', python: 'Python', javascript: 'JavaScript' }

/**
 * The lines that do the same from a program. `id`: a transcription whose transcript they read; without it, they only
 * transcribe.
 */
export function CodePanel({ id, filename }: { id?: string; filename?: string | null }) {
  const t = messages.value
  const language = useSignal<Language>('curl')
  const lines = codeOf(language.value, {
    origin: location.origin,
    id: id ?? null,
    filename: filename ?? 'talk.mp3',
  })
  return (
    <section class="code-panel stack" aria-labelledby="code-title">
      <h2 id="code-title">{t.codeTitle}</h2>
      <p class="soft">
        {t.codeLead} <a href="/settings#keys">{t.keys}</a>
      </p>
      <fieldset class="choices">
        <legend class="visually-hidden">{t.codeLanguage}</legend>
        {LANGUAGES.map((name) => (
          <label key={name}>
            <input
              type="radio"
              name="code-language"
              checked={language.value === name}
              onChange={() => {
                language.value = name
              }}
            />
            {NAMES[name]}
          </label>
        ))}
      </fieldset>
      <div class="code">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, by the keyboard too (axe: scrollable-region-focusable) */}
        <pre tabIndex={0}>
          <code>{lines}</code>
        </pre>
        <CopyButton text={lines} />
      </div>
    </section>
  )
}

/** A name in single quotes of a POSIX shell, Python or JavaScript. */
const shell = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

function codeOf(
  language: Language,
  { origin, id, filename }: { origin: string; id: string | null; filename: string },
): string {
  const name = JSON.stringify(filename)
  switch (language) {
    case 'curl':
      return [
        `curl ${origin}/api/transcribe -H "Authorization: Bearer $VERBATIM_API_KEY" \\`,
        `  -F audio=@${shell(filename)} -F language=auto`,
        ...(id === null
          ? []
          : [
              '',
              `curl "${origin}/api/transcriptions/${id}/transcript?format=srt" \\`,
              '  -H "Authorization: Bearer $VERBATIM_API_KEY"',
            ]),
      ].join('\n')
    case 'python':
      return [
        'import os',
        'from openai import OpenAI',
        '',
        `client = OpenAI(base_url="${origin}/v1", api_key=os.environ["VERBATIM_API_KEY"])`,
        `with open(${name}, "rb") as audio:`,
        '    print(client.audio.transcriptions.create(file=audio, model="whisper-1").text)',
      ].join('\n')
    case 'javascript':
      return [
        "import { createReadStream } from 'node:fs'",
        "import OpenAI from 'openai'",
        '',
        `const client = new OpenAI({ baseURL: '${origin}/v1', apiKey: process.env.VERBATIM_API_KEY })`,
        `const file = createReadStream(${name})`,
        "const { text } = await client.audio.transcriptions.create({ file, model: 'whisper-1' })",
      ].join('\n')
  }
}
