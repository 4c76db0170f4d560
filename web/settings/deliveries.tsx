import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { api, unwrap } from '../api/client.ts'
import { useAction } from '../api/use-action.ts'
import { formatDate } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import { ErrorNotice } from '../layout/error-notice.tsx'

const loadDeliveries = (id: string) => unwrap(api.webhooks({ id }).deliveries.get({ query: {} }))
type Delivery = Awaited<ReturnType<typeof loadDeliveries>>['deliveries'][number]

const POLL_MS = 2000

/** The latest messages of a webhook, each with the outcome of its last attempt. */
export function Deliveries({ id }: { id: string }) {
  const t = messages.value
  const deliveries = useSignal<Delivery[] | null>(null)
  const { run, error } = useAction()
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let isClosed = false
    async function load() {
      await run(async () => {
        deliveries.value = (await loadDeliveries(id)).deliveries
      })
      const isWaiting = deliveries.value?.some(
        ({ attempts, state }) => state === 'pending' && attempts.length === 0,
      )
      if (isWaiting && !isClosed) timer = setTimeout(load, POLL_MS)
    }
    load()
    return () => {
      isClosed = true
      clearTimeout(timer)
    }
  }, [id])
  return (
    <>
      <ErrorNotice error={error} />
      {deliveries.value?.length === 0 && <p class="soft">{t.noDeliveries}</p>}
      <ul class="deliveries">
        {deliveries.value?.map(({ id: delivery, event, state, created_at, attempts }) => {
          const last = attempts.at(-1)
          return (
            <li key={delivery} class="facts">
              <span class={`badge ${state === 'failed' ? 'failed' : state === 'pending' ? '' : 'active'}`}>
                {t.deliveryStates[state]}
              </span>
              <span>{event}</span>
              <time dateTime={created_at}>{formatDate(created_at)}</time>
              <span>{last ? (last.error ?? `HTTP ${last.status}`) : ''}</span>
            </li>
          )
        })}
      </ul>
    </>
  )
}
