import { BYTES_PER_SECOND } from '../../src/media/media.ts'
import { engineContract } from '../contracts/engine.ts'
import { fixturePcm, fixtureText } from '../support/pcm.ts'
import { scriptedEngine, segmentOf } from '../support/scripted-engine.ts'

const speech = { pcm: await fixturePcm('speech.wav'), text: await fixtureText() }

// The engine that other tests put in an engine's place: it keeps the port's promises too.
engineContract({
  name: 'in memory',
  speech: async () => speech,
  readySeconds: 5,
  async make() {
    return scriptedEngine({
      targetSpanSeconds: 20,
      maxSpanSeconds: 30,
      concurrency: 3,
      async answer({ pcm }) {
        await Bun.sleep(40)
        const isKnown = Buffer.from(pcm).equals(speech.pcm)
        const end = pcm.length / BYTES_PER_SECOND
        return {
          model: 'scripted',
          segments: isKnown ? [segmentOf({ start: 0, end, text: speech.text, language: 'en' })] : [],
          detected: null,
        }
      },
    })
  },
})
