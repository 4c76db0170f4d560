import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { formatDate, formatDuration } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import { MicrophoneIcon } from '../layout/icons.tsx'
import { addFiles } from './upload-queue.ts'

/** In the order of preference; browsers record in one of them. */
const TYPES = ['audio/webm;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus']
const EXTENSIONS: Record<string, string> = { 'audio/webm': 'webm', 'audio/mp4': 'm4a', 'audio/ogg': 'ogg' }
/** A part is kept in memory at least this often. */
const PART_MS = 1000

type Recording = { recorder: MediaRecorder; parts: Blob[]; startedAt: number }

/** Records from the microphone, and uploads the recording. */
export function Recorder() {
  const t = messages.value
  const recording = useRef<Recording | null>(null)
  const seconds = useSignal<number | null>(null)
  const error = useSignal<string | null>(null)
  useEffect(() => {
    // A recording that nobody stopped would be lost.
    const warn = (event: BeforeUnloadEvent) => {
      if (recording.current) event.preventDefault()
    }
    window.addEventListener('beforeunload', warn)
    const clock = setInterval(() => {
      if (recording.current) seconds.value = (Date.now() - recording.current.startedAt) / 1000
    }, PART_MS)
    return () => {
      window.removeEventListener('beforeunload', warn)
      clearInterval(clock)
      finish({ isKept: true })
    }
  }, [])

  async function start() {
    error.value = null
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
      const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type))
      const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {})
      const parts: Blob[] = []
      recorder.ondataavailable = ({ data }) => parts.push(data)
      recorder.start(PART_MS)
      recording.current = { recorder, parts, startedAt: Date.now() }
      seconds.value = 0
    } catch (failure) {
      const isMissing = failure instanceof DOMException && failure.name === 'NotFoundError'
      error.value = isMissing ? t.microphoneMissing : t.microphoneRefused
    }
  }

  function finish({ isKept }: { isKept: boolean }) {
    const { current } = recording
    if (!current) return
    recording.current = null
    seconds.value = null
    const { recorder, parts, startedAt } = current
    recorder.onstop = () => {
      for (const track of recorder.stream.getTracks()) track.stop()
      if (isKept) addFiles([fileOf(parts, { type: recorder.mimeType, startedAt })], { isRecording: true })
    }
    recorder.stop()
  }

  if (seconds.value === null) {
    return (
      <>
        <button type="button" class="button" onClick={start}>
          <MicrophoneIcon />
          {t.record}
        </button>
        {error.value && (
          <p class="notice error" role="alert">
            {error}
          </p>
        )}
      </>
    )
  }
  return (
    <div class="recording row">
      <span class="recording-time" role="timer" aria-label={t.recordingNow(formatDuration(seconds.value))}>
        {formatDuration(seconds.value)}
      </span>
      <button type="button" class="button primary" onClick={() => finish({ isKept: true })}>
        {t.stopRecording}
      </button>
      <button type="button" class="button quiet" onClick={() => finish({ isKept: false })}>
        {t.discardRecording}
      </button>
    </div>
  )
}

function fileOf(parts: Blob[], { type, startedAt }: { type: string; startedAt: number }): File {
  const plainType = type.split(';')[0] ?? ''
  const name = messages.value.recordingName(formatDate(new Date(startedAt).toISOString()))
  return new File(parts, `${name}.${EXTENSIONS[plainType] ?? 'webm'}`, {
    type: plainType,
    lastModified: startedAt,
  })
}
