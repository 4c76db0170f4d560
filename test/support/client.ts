type Status = {
  id: string
  status: string
  transcription: string | null
  language: string
  progress: number
  duration: number | null
  audio_file: string
  events: string
  failure: { code: string; error: string } | null
}

/** Registers a new user at a running service. */
export async function signUp(url: string) {
  const email = `${crypto.randomUUID()}@example.com`
  const answer = await fetch(`${url}/api/auth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email, password: 'correct horse battery' }),
  })
  const { access_token: token }: { access_token: string } = await answer.json()
  // Long tests need an API key, because an access token expires.
  const made = await fetch(`${url}/api/auth/keys`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
    body: JSON.stringify({ name: 'end to end', scopes: ['read', 'write'] }),
  })
  const { key }: { key: string } = await made.json()
  const headers = { Authorization: `Bearer ${key}` }

  async function status(id: string, at = url): Promise<Status> {
    const answer = await fetch(`${at}/api/transcriptions/${id}/`, { headers })
    if (!answer.ok) throw new Error(`status ${answer.status}: ${await answer.text()}`)
    return answer.json()
  }

  return {
    /** An access token. */
    token,
    key,
    headers,
    status,

    /** Uploads a recording; returns the transcription's id. */
    async upload(audio: Blob, fields: Record<string, string> = {}, at = url): Promise<string> {
      const form = new FormData()
      for (const [name, value] of Object.entries(fields)) form.set(name, value)
      form.set('audio', audio, 'recording')
      const answer = await fetch(`${at}/api/transcribe/`, { method: 'POST', headers, body: form })
      if (answer.status !== 202) throw new Error(`upload ${answer.status}: ${await answer.text()}`)
      const { transcription_id: id }: { transcription_id: string } = await answer.json()
      return id
    },

    /** Reads the status until the transcription has ended. `at`: the new address of a restarted service. */
    async finished(id: string, at = url): Promise<Status> {
      for (;;) {
        const read = await status(id, at)
        if (!['queued', 'processing'].includes(read.status)) return read
        await Bun.sleep(100)
      }
    },

    async transcript(id: string, format: string): Promise<string> {
      const answer = await fetch(`${url}/api/transcriptions/${id}/transcript?format=${format}`, { headers })
      if (!answer.ok) throw new Error(`transcript ${answer.status}: ${await answer.text()}`)
      return answer.text()
    },
  }
}
