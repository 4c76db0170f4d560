import type { ComponentChildren } from 'preact'
import { formatBytes, formatDate, formatDuration, formatLanguage } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import type { Reading } from './reading.ts'

/** How the transcript was made. */
export function Details({ reading, isOpen }: { reading: Reading; isOpen: boolean }) {
  const t = messages.value
  const status = reading.status.value
  const transcript = reading.transcript.value
  if (!status) return null
  const languages = transcript?.languages.length ? transcript.languages : [status.language]
  const rows: [string, ComponentChildren][] = [
    [t.reading.created, formatDate(status.created_at)],
    [t.reading.length, status.duration === null ? null : formatDuration(status.duration)],
    [
      t.language,
      languages
        .filter((code) => code !== 'auto')
        .map(formatLanguage)
        .join(', '),
    ],
    [t.reading.translated, status.task === 'translate' ? formatLanguage('en') : null],
    [
      t.engine,
      transcript?.engines
        .map(({ engine, model }) => [t.reading.engineNames[engine], model].filter(Boolean).join(': '))
        .join(', '),
    ],
    [t.quality, t.qualities[status.quality]],
    [t.reading.file, [status.codec, formatBytes(status.size)].filter(Boolean).join(', ')],
    [
      t.reading.track,
      status.track === null ? null : t.reading.trackOf(status.track, status.tracks?.length ?? status.track),
    ],
  ]
  return (
    <details class="section" open={isOpen}>
      <summary>
        <h2>{t.reading.details}</h2>
      </summary>
      <dl class="details">
        {rows.map(
          ([name, value]) =>
            value && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
    </details>
  )
}
