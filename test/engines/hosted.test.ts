import { afterAll, beforeAll, describe } from 'bun:test'
import { huggingfaceEngine } from '../../src/engines/huggingface/huggingface.ts'
import type { SidecarProcess } from '../../src/engines/local-sidecar/process.ts'
import { openaiEngine } from '../../src/engines/openai/openai.ts'
import { engineContract } from '../contracts/engine.ts'
import { fixturePcm, fixtureText } from '../support/pcm.ts'
import { hostedServer, TOKEN } from './hosted-server.ts'
import { type Asked, endpoint } from './hosted-shapes.ts'
import { hearingThrough, INSTALL_SECONDS, realSidecar } from './installed-sidecar.ts'
import { openaiServer, type ShapeName } from './openai-server.ts'

/** With segments and words, with text only, and with fields of its own. */
const SHAPES_OF_SPEECH: ShapeName[] = ['whisper-1 of OpenAI', 'gpt-4o-transcribe of OpenAI', 'Mistral']

// The servers are local and the model behind them is a sidecar's, so that real speech goes there and back.
describe('the engines of other servers', () => {
  let sidecar: SidecarProcess
  const hear = async (asked: Asked) => hearingThrough(`http://127.0.0.1:${await sidecar.ready}`, asked)
  const server = hostedServer({ hear })
  const openaiServers = SHAPES_OF_SPEECH.map((name) => ({
    name,
    server: openaiServer(name, { hear }),
  }))

  beforeAll(async () => {
    sidecar = await realSidecar()
  }, INSTALL_SECONDS * 1000)
  afterAll(async () => {
    server.stop()
    for (const { server } of openaiServers) server.stop()
    await sidecar?.stop()
  })

  const shared = {
    speech: async () => ({ pcm: await fixturePcm('speech.wav'), text: await fixtureText() }),
    readySeconds: 60,
  }
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
      ...shared,
    })
  }
  for (const { name, server } of openaiServers) {
    engineContract({
      name: `OpenAI-compatible: ${name}`,
      make: async () => openaiEngine(server.options),
      ...shared,
    })
  }
})
