import { signUp } from '../../test/support/client.ts'
import { startService } from '../../test/support/service.ts'
import type { Defer } from '../shared/cleanup.ts'
import { childrenOf } from '../shared/processes.ts'

/** The service with its defaults: the embedded database, and the sidecar that it starts. */
export async function openService(folder: string, { quality }: { quality: string }, defer: Defer) {
  const service = await startService({ DATA_DIR: folder })
  defer(() => service.kill('SIGTERM'))
  await service.ready
  const [sidecar] = await childrenOf(service.pid)
  if (sidecar === undefined) throw new Error('the service has no sidecar')
  const { upload, headers } = await signUp(service.url)
  return {
    processes: { service: service.pid, sidecar },
    async transcribe(file: string): Promise<string> {
      const id = await upload(Bun.file(file), { language: 'en', quality })
      for (;;) {
        const options = { headers: { ...headers, Prefer: 'wait=55' } }
        const answer = await fetch(`${service.url}/api/transcriptions/${id}/`, options)
        const { status, transcription, failure } = await answer.json()
        if (status === 'completed') return transcription
        if (status !== 'queued' && status !== 'processing') throw new Error(failure?.error ?? status)
      }
    },
  }
}
