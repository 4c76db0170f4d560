import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { authorizedFetch } from '../api/client.ts'
import { formatDuration } from '../i18n/format.ts'
import { splitByWords, termsOf } from './matches.ts'

const MAX_HITS = 3

type Hit = { seconds: number; text: string }

/** The passages of a transcript that have the words, with links to their times. */
export function SearchHits({ id, words, lang }: { id: string; words: string; lang: string | undefined }) {
  const hits = useSignal<Hit[]>([])
  useEffect(() => {
    const closed = new AbortController()
    findHits(id, words, closed.signal)
      .then((found) => {
        hits.value = found
      })
      // Without hits, the row itself still is a result.
      .catch(() => {})
    return () => closed.abort()
  }, [id, words])
  return (
    <ul class="hits">
      {hits.value.map(({ seconds, text }) => (
        <li key={seconds}>
          <a href={`/t/${id}?t=${seconds.toFixed(2)}&q=${encodeURIComponent(words)}`}>
            <span class="time">{formatDuration(seconds)}</span>
            <span dir="auto" lang={lang}>
              {splitByWords(text, words).map(({ text: part, isMatch }, index) =>
                isMatch ? <mark key={index}>{part}</mark> : part,
              )}
            </span>
          </a>
        </li>
      ))}
    </ul>
  )
}

async function findHits(id: string, words: string, signal: AbortSignal): Promise<Hit[]> {
  // The smallest format with times: 150 KB for three hours.
  const response = await authorizedFetch(`/api/transcriptions/${id}/transcript?format=tsv`, { signal })
  if (!response.ok) return []
  const [header = '', ...lines] = (await response.text()).split('\n')
  const column = header.split('\t').indexOf('text')
  const terms = termsOf(words)
  const hits = lines.flatMap((line) => {
    const fields = line.split('\t')
    const text = fields[column] ?? ''
    const count = terms.filter((term) => splitByWords(text, term).some(({ isMatch }) => isMatch)).length
    return count > 0 ? [{ seconds: Number(fields[0]) / 1000, text, count }] : []
  })
  // Passages with more of the words come first; among equals, the earlier.
  return hits.toSorted((a, b) => b.count - a.count).slice(0, MAX_HITS)
}
