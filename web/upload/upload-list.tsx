import { useRef } from 'preact/hooks'
import { formatBytes } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import { CloseIcon, PauseIcon, PlayIcon } from '../layout/icons.tsx'
import {
  cancelUpload,
  pauseUpload,
  resumeUpload,
  resumeWithFile,
  type UploadItem,
  uploads,
} from './upload-queue.ts'

/** The unfinished uploads of this tab. */
export function UploadList() {
  const t = messages.value
  if (uploads.value.length === 0) return null
  return (
    <section aria-labelledby="uploads-title" class="stack">
      <h2 id="uploads-title">{t.uploads}</h2>
      <ul class="rows">
        {uploads.value.map((item) => (
          <UploadRow key={item.key} item={item} />
        ))}
      </ul>
    </section>
  )
}

function UploadRow({ item }: { item: UploadItem }) {
  const t = messages.value
  const { name, size, state, sent, error } = item
  return (
    <li class="upload-row card" data-state={state.value}>
      <div class="head">
        <span class="name" dir="auto">
          {name}
        </span>
        <UploadActions item={item} />
      </div>
      <progress class="progress" max={size} value={sent.value} aria-label={name} />
      <p class="small soft">
        <span role="status">{error.value ?? t.uploadStates[state.value]}</span>
        {state.value === 'sending' && ` · ${t.uploadProgress(formatBytes(sent.value), formatBytes(size))}`}
      </p>
    </li>
  )
}

function UploadActions({ item }: { item: UploadItem }) {
  const t = messages.value
  const input = useRef<HTMLInputElement>(null)
  const { name, state } = item
  const isActive = state.value === 'sending' || state.value === 'offline' || state.value === 'waiting'
  return (
    <div class="row">
      {isActive && (
        <button
          type="button"
          class="button quiet icon"
          aria-label={t.pauseUpload(name)}
          title={t.pause}
          onClick={() => pauseUpload(item)}
        >
          <PauseIcon />
        </button>
      )}
      {(state.value === 'paused' || state.value === 'failed') && (
        <button
          type="button"
          class="button quiet icon"
          aria-label={t.resumeUpload(name)}
          title={t.resume}
          onClick={() => resumeUpload(item)}
        >
          <PlayIcon />
        </button>
      )}
      {state.value === 'file-needed' && (
        <>
          <button type="button" class="button" onClick={() => input.current?.click()}>
            {t.chooseAgain}
          </button>
          <input
            ref={input}
            type="file"
            hidden
            aria-label={t.chooseAgain}
            onChange={({ currentTarget: { files } }) => {
              if (files?.[0]) resumeWithFile(item, files[0])
            }}
          />
        </>
      )}
      <button
        type="button"
        class="button quiet icon"
        aria-label={t.cancelUpload(name)}
        title={t.cancel}
        onClick={() => cancelUpload(item)}
      >
        <CloseIcon />
      </button>
    </div>
  )
}
