import { expect, test } from 'bun:test'
import { modelAliases } from '../../src/config/model-aliases.ts'
import { findModel, modelsOf, namesOf } from '../../src/openai/models.ts'

const modelsWith = (text: string) =>
  modelsOf({ engines: ['sidecar', 'hosted'], aliases: modelAliases(text) ?? new Map(), offered: [] })

test('the models are whisper-1, the aliases and the engines, without *', () => {
  expect(namesOf(modelsWith('fast=sidecar, *=whisper-1'))).toEqual(['whisper-1', 'fast', 'sidecar', 'hosted'])
})

test('an alias in any case means its model', () => {
  const models = modelsWith('Fast=sidecar,large=whisper-1')
  expect(findModel(models, 'fAST')).toEqual({ id: 'Fast', engine: 'sidecar', model: '' })
  expect(findModel(models, 'large')).toEqual({ id: 'large', engine: '', model: '' })
})

test('any other name is refused without *, and means the model of * with it', () => {
  expect(() => findModel(modelsWith('fast=sidecar'), 'gpt-9')).toThrow(
    'this service has whisper-1, fast, sidecar',
  )
  const models = modelsWith('*=sidecar')
  expect(findModel(models, 'gpt-9')).toEqual({ id: 'gpt-9', engine: 'sidecar', model: '' })
  expect(findModel(models, 'hosted')).toEqual({ id: 'hosted', engine: 'hosted', model: '' })
})
