import { expect, test } from 'bun:test'
import { parseListen } from '../../src/deepgram/parameters.ts'

const optionsOf = (query: string) => {
  const { options } = parseListen(new URLSearchParams(query), {
    engines: ['sidecar'],
    models: [{ id: 'Systran/faster-whisper-base', aliases: ['base'] }],
  })
  return Object.fromEntries(options)
}

test.each([
  ['replace=kilo:kg&replace=a,b:c', { replace: '["kilo:kg","a,b:c"]' }],
  ['detect_language=fr&detect_language=pt-BR', { language: 'auto', languages: '["fr","pt-BR"]' }],
  ['detect_language=fr', { language: 'fr', languages: '' }],
  ['detect_language=no', { language: 'no' }],
  ['detect_language=ON&language=de', { language: 'auto' }],
  ['detect_language=off&language=de', { language: 'de' }],
  ['keywords=10:30&keyterm=10:30', { keywords: '["10:30","10"]' }],
  ['model=Nova-3&multichannel=1', { channels: 'split' }],
  ['model=sidecar', { engine: 'sidecar' }],
  ['model=BASE', { model: 'Systran/faster-whisper-base' }],
  ['', { language: '', languages: '', keywords: '', replace: '', words: 'true', channels: 'mix' }],
])('?%s becomes fields of an upload', (query, expected) => {
  expect(optionsOf(query)).toMatchObject(expected)
})
