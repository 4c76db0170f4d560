import { expect, test } from 'bun:test'
import { modelSettings, needsDefaultModel } from '../../src/engines/local-sidecar/model-settings.ts'

test('the supervised sidecar gets MODELS with the installed default model as its folder', () => {
  expect(modelSettings(undefined, '/data/a,b')).toEqual({ MODEL: '/data/a,b' })
  expect(modelSettings('base, tiny.en', '/data/model')).toEqual({ MODELS: '/data/model,tiny.en' })
  expect(modelSettings('tiny.en,/models/own', '')).toEqual({ MODELS: 'tiny.en,/models/own' })
})

test('the default model is installed only if MODELS names it', () => {
  expect(needsDefaultModel(undefined)).toBe(true)
  expect(needsDefaultModel('tiny.en, Systran/faster-whisper-base')).toBe(true)
  expect(needsDefaultModel('tiny.en')).toBe(false)
})
