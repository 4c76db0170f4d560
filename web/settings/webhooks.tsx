import { useSignal } from '@preact/signals'
import { api, unwrap } from '../api/client.ts'
import { messages } from '../i18n/messages.ts'
import { ErrorNotice } from '../layout/error-notice.tsx'
import { Deliveries } from './deliveries.tsx'
import { SecretNotice } from './secret-notice.tsx'
import { useList } from './use-list.ts'

const loadWebhooks = async () => (await unwrap(api.webhooks.get())).webhooks
type Webhook = Awaited<ReturnType<typeof loadWebhooks>>[number]

const EVENTS = ['transcription.completed', 'transcription.failed', 'transcription.canceled'] as const

/** Webhooks: registered, tested, turned off and on, with their deliveries. */
export function Webhooks() {
  const t = messages.value
  const { items: webhooks, change, error, isBusy } = useList(loadWebhooks)
  const secret = useSignal<string | null>(null)

  async function create(event: SubmitEvent & { currentTarget: HTMLFormElement }) {
    event.preventDefault()
    const form = event.currentTarget
    const data = new FormData(form)
    const events = EVENTS.filter((name) => data.has(name))
    await change(async () => {
      const made = await unwrap(api.webhooks.post({ url: String(data.get('url')), events }))
      secret.value = made.secret
      form.reset()
    })
  }

  return (
    <section class="stack" aria-labelledby="webhooks">
      <h2 id="webhooks">{t.webhooks}</h2>
      <p class="soft">{t.webhooksLead}</p>
      <SecretNotice secret={secret} />
      <ErrorNotice error={error} />
      {webhooks.value.length > 0 && (
        <ul class="rows">
          {webhooks.value.map((webhook) => (
            <WebhookRow key={webhook.id} webhook={webhook} change={change} />
          ))}
        </ul>
      )}
      <form class="stack" onSubmit={create}>
        <div class="field">
          <label for="webhook-url">{t.webhookUrl}</label>
          <input
            class="input"
            id="webhook-url"
            name="url"
            type="url"
            required
            maxLength={2048}
            placeholder="https://"
            autocomplete="off"
          />
        </div>
        <fieldset class="choices">
          <legend class="label">{t.webhookEvents}</legend>
          {EVENTS.map((name) => (
            <label key={name}>
              <input type="checkbox" name={name} defaultChecked />
              {t.webhookEventNames[name]}
            </label>
          ))}
        </fieldset>
        <button type="submit" class="button" disabled={isBusy.value}>
          {t.webhookCreate}
        </button>
      </form>
    </section>
  )
}

function WebhookRow({
  webhook: { id, url, events, enabled },
  change,
}: {
  webhook: Webhook
  change: (work: () => Promise<unknown>) => void
}) {
  const t = messages.value
  const isOpen = useSignal(false)
  const tests = useSignal(0)
  const hook = api.webhooks({ id })
  return (
    <li class="settings-row card">
      <div>
        <p class="name">{url}</p>
        <ul class="facts">
          {events.map((name) => (
            <li key={name}>{t.webhookEventNames[name]}</li>
          ))}
          {!enabled && <li>{t.webhookOff}</li>}
        </ul>
      </div>
      <div class="row">
        <button
          type="button"
          class="button"
          aria-label={t.webhookTestNamed(url)}
          onClick={() =>
            change(async () => {
              await unwrap(hook.test.post())
              isOpen.value = true
              tests.value += 1
            })
          }
        >
          {t.webhookTest}
        </button>
        {!enabled && (
          <button
            type="button"
            class="button"
            onClick={() => change(() => unwrap(hook.patch({ enabled: true })))}
          >
            {t.webhookTurnOn}
          </button>
        )}
        <button
          type="button"
          class="button danger"
          aria-label={t.deleteNamed(url)}
          onClick={() => change(() => unwrap(hook.delete()))}
        >
          {t.delete}
        </button>
      </div>
      <details
        class="wide"
        open={isOpen.value}
        onToggle={({ currentTarget }) => {
          isOpen.value = currentTarget.open
        }}
      >
        <summary>{t.deliveries}</summary>
        {isOpen.value && <Deliveries key={tests.value} id={id} />}
      </details>
    </li>
  )
}
