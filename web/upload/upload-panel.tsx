import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { messages } from '../i18n/messages.ts'
import { LinkIcon, UploadIcon } from '../layout/icons.tsx'
import { place } from '../routing/router.ts'
import { OptionsForm } from './options-form.tsx'
import { Recorder } from './recorder.tsx'
import { addFiles } from './upload-queue.ts'
import { UrlForm } from './url-form.tsx'

/** Browsers offer the microphone on https and localhost only. */
const canRecord = 'mediaDevices' in navigator && 'MediaRecorder' in globalThis

/** Where recordings come in. Files can be dropped anywhere on the page. */
export function UploadPanel({ isCompact }: { isCompact: boolean }) {
  const t = messages.value
  const input = useRef<HTMLInputElement>(null)
  const isDropping = useDrop(addFiles)
  const sharedUrl = place.value.query.get('url') ?? ''
  const hasUrlForm = useSignal(sharedUrl !== '')
  return (
    <section
      class={`upload-panel card ${isCompact ? 'compact' : ''} ${isDropping.value ? 'dropping' : ''}`}
      aria-labelledby="upload-title"
    >
      <h2 id="upload-title" class="visually-hidden">
        {t.uploadTitle}
      </h2>
      <div class="drop">
        <UploadIcon />
        <p class="drop-title">{isDropping.value ? t.dropNow : t.dropHere}</p>
        <p class="hint soft small">{t.dropHint}</p>
        <div class="row">
          <button type="button" class="button primary" onClick={() => input.current?.click()}>
            {t.chooseFiles}
          </button>
          {canRecord && <Recorder />}
          <button
            type="button"
            class="button"
            aria-expanded={hasUrlForm.value}
            onClick={() => {
              hasUrlForm.value = !hasUrlForm.value
            }}
          >
            <LinkIcon />
            {t.fromUrl}
          </button>
        </div>
        {hasUrlForm.value && (
          <UrlForm
            url={sharedUrl}
            onDone={() => {
              hasUrlForm.value = false
            }}
          />
        )}
        <input
          ref={input}
          type="file"
          multiple
          hidden
          accept="audio/*,video/*"
          aria-label={t.chooseFiles}
          onChange={({ currentTarget }) => {
            addFiles([...(currentTarget.files ?? [])])
            currentTarget.value = ''
          }}
        />
      </div>
      <OptionsForm />
    </section>
  )
}

/** Whether files are dragged over the page. */
function useDrop(onFiles: (files: File[]) => void) {
  const isDropping = useSignal(false)
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      isDropping.value = true
    }
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) isDropping.value = false
    }
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      isDropping.value = false
      onFiles([...(event.dataTransfer?.files ?? [])])
    }
    addEventListener('dragover', over)
    addEventListener('dragleave', leave)
    addEventListener('drop', drop)
    return () => {
      removeEventListener('dragover', over)
      removeEventListener('dragleave', leave)
      removeEventListener('drop', drop)
    }
  }, [])
  return isDropping
}
