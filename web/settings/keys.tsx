import { useSignal } from '@preact/signals'
import { api, unwrap } from '../api/client.ts'
import { formatDate } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import { ErrorNotice } from '../layout/error-notice.tsx'
import { SecretNotice } from './secret-notice.tsx'
import { useList } from './use-list.ts'

const loadKeys = async () => (await unwrap(api.auth.keys.get())).keys
type Key = Awaited<ReturnType<typeof loadKeys>>[number]

/** API keys: created, shown once, revoked. */
export function Keys() {
  const t = messages.value
  const { items: keys, change, error, isBusy } = useList(loadKeys)
  const secret = useSignal<string | null>(null)

  async function create(event: SubmitEvent & { currentTarget: HTMLFormElement }) {
    event.preventDefault()
    const form = event.currentTarget
    const data = new FormData(form)
    const scopes: ('read' | 'write')[] = data.get('access') === 'read' ? ['read'] : ['read', 'write']
    await change(async () => {
      const { key } = await unwrap(api.auth.keys.post({ name: String(data.get('name')), scopes }))
      secret.value = key
      form.reset()
    })
  }

  const revoke = (id: string) => change(() => unwrap(api.auth.keys({ id }).delete()))

  return (
    <section class="stack" aria-labelledby="keys">
      <h2 id="keys">{t.keys}</h2>
      <p class="soft">{t.keysLead}</p>
      <SecretNotice secret={secret} />
      <ErrorNotice error={error} />
      {keys.value.length > 0 && (
        <ul class="rows">
          {keys.value.map((key) => (
            <KeyRow key={key.id} item={key} onRevoke={() => revoke(key.id)} />
          ))}
        </ul>
      )}
      <form class="inline-form" onSubmit={create}>
        <div class="field">
          <label for="key-name">{t.keyName}</label>
          <input class="input" id="key-name" name="name" required maxLength={100} autocomplete="off" />
        </div>
        <div class="field">
          <label for="key-access">{t.keyAccess}</label>
          <select class="input" id="key-access" name="access">
            <option value="write">{t.keyWrites}</option>
            <option value="read">{t.keyReads}</option>
          </select>
        </div>
        <button type="submit" class="button" disabled={isBusy.value}>
          {t.keyCreate}
        </button>
      </form>
    </section>
  )
}

function KeyRow({ item, onRevoke }: { item: Key; onRevoke: () => void }) {
  const t = messages.value
  const { name, hint, scopes, created_at, last_used_at } = item
  return (
    <li class="settings-row card">
      <div>
        <p class="name">{name}</p>
        <ul class="facts">
          <li>
            <code>{hint}…</code>
          </li>
          <li>{scopes.includes('write') ? t.keyWrites : t.keyReads}</li>
          <li>{t.createdOn(formatDate(created_at))}</li>
          <li>{last_used_at ? t.usedOn(formatDate(last_used_at)) : t.neverUsed}</li>
        </ul>
      </div>
      <button type="button" class="button danger" aria-label={t.revokeNamed(name)} onClick={onRevoke}>
        {t.revoke}
      </button>
    </li>
  )
}
