import { afterAll, beforeAll, describe } from 'bun:test'
import { huggingfaceEngine } from '../../src/engines/huggingface/huggingface.ts'
import type { SidecarProcess } from '../../src/engines/local-sidecar/process.ts'
import { engineContract } from '../contracts/engine.ts'
import { fixturePcm, fixtureText } from '../support/pcm.ts'
import { hostedServer, TOKEN } from './hosted-server.ts'
import { endpoint } from './hosted-shapes.ts'
import { hearingThrough, INSTALL_SECONDS, realSidecar } from './installed-sidecar.ts'

// The servers are local and the model behind them is a sidecar's, so that real speech goes there and back.
describe('the hosted engine', () => {
  let sidecar: SidecarProcess
  const server = hostedServer({
    hear: async (asked) => hearingThrough(`http://127.0.0.1:${await sidecar.ready}`, asked),
  })

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
