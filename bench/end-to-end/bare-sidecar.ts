import { realSidecar } from '../../test/engines/installed-sidecar.ts'

/** A sidecar without the service, which decodes files itself. */
export async function bareSidecar() {
  const sidecar = await realSidecar()
  const port = await sidecar.ready
  if (port === null) throw new Error(`the sidecar did not start: ${await sidecar.ended}`)

  async function text(file: string): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${port}/generate?language=en`, {
      ...{ method: 'POST', headers: { 'Content-Type': 'audio/mpeg' }, body: Bun.file(file), timeout: false },
    })
    if (!answer.ok) throw new Error(`the sidecar answered ${answer.status}: ${await answer.text()}`)
    const { text }: { text: string } = await answer.json()
    return text
  }

  return {
    pid: sidecar.pid,
    stop: sidecar.stop,
    /** All at once. */
    transcribe: (files: string[]) => Promise.all(files.map(text)),
  }
}
