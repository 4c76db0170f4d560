import { afterAll, beforeAll, describe } from 'bun:test'
import { huggingfaceEngine } from '../../src/engines/huggingface/huggingface.ts'
import type { SidecarProcess } from '../../src/engines/local-sidecar/process.ts'
import { engineContract } from '../contracts/engine.ts'
import { hostedServer, TOKEN } from './hosted-server.ts'
import { type Asked, endpoint, type Heard, Refusal } from './hosted-shapes.ts'
import { INSTALL_SECONDS, realSidecar } from './installed-sidecar.ts'
import { fixturePcm, fixtureText } from './pcm.ts'

// The servers are local and the model behind them is a sidecar's, so that real speech goes there and back.
describe('the hosted engine', () => {
  let sidecar: SidecarProcess
  const server = hostedServer({ hear })

  async function hear({ wav, language, task }: Asked): Promise<Heard> {
    const query = new URLSearchParams({ language: language ?? 'auto', task, details: 'true' })
    const url = `http://127.0.0.1:${await sidecar.ready}/generate?${query}`
    const headers = { 'content-type': 'audio/wav' }
    const answer = await fetch(url, { method: 'POST', headers, body: wav })
    const said = await answer.json()
    if (!answer.ok) throw new Refusal(answer.status, said.error)
    return said
  }

  beforeAll(async () => {
    sidecar = await realSidecar()
  }, INSTALL_SECONDS * 1000)
  afterAll(async () => {
    server.stop()
    await sidecar?.stop()
  })

  const options = { token: TOKEN, fetch: server.fetch }
  const engines: [name: string, options: Parameters<typeof huggingfaceEngine>[0]][] = [
    ['hf-inference', options],
    ['a dedicated endpoint', { ...options, endpointUrl: `https://${endpoint.at}` }],
    ['fal-ai', { ...options, provider: 'fal-ai' }],
    ['together', { ...options, provider: 'together' }],
    ['deepinfra', { ...options, provider: 'deepinfra' }],
  ]
  for (const [name, asked] of engines) {
    engineContract({
      name: `hosted by ${name}`,
      make: async () => huggingfaceEngine(asked),
      speech: async () => ({ pcm: await fixturePcm('speech.wav'), text: await fixtureText() }),
      readySeconds: 60,
    })
  }
})
