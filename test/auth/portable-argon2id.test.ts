import { expect, test } from 'bun:test'
import { argon2id } from '../../src/auth/argon2id.ts'
import { DECOY } from '../../src/auth/passwords.ts'
import { portableArgon2id } from '../../src/auth/portable-argon2id.ts'

const PASSWORD = 'pässwörd of 20 letters'

test.each([
  ['Bun’s', argon2id, portableArgon2id],
  ['portable', portableArgon2id, argon2id],
])('a hash of %s argon2id is verified by both', async (_, hasher, other) => {
  const hash = await hasher.hash(PASSWORD)
  expect(await other.verify(PASSWORD, hash)).toBe(true)
  expect(await other.verify(`${PASSWORD}.`, hash)).toBe(false)
  expect(await hasher.verify(PASSWORD, hash)).toBe(true)
})

test('both hash with the settings of the decoy', async () => {
  const settingsOf = (hash: string) => hash.split('$').slice(1, 4)
  expect(settingsOf(await argon2id.hash(PASSWORD))).toEqual(settingsOf(DECOY))
  expect(settingsOf(await portableArgon2id.hash(PASSWORD))).toEqual(settingsOf(DECOY))
})

test('a hash with other settings is verified with its own settings', async () => {
  const hash = await Bun.password.hash(PASSWORD, { algorithm: 'argon2id', memoryCost: 64, timeCost: 3 })
  expect(await portableArgon2id.verify(PASSWORD, hash)).toBe(true)
  expect(await portableArgon2id.verify('another', hash)).toBe(false)
})
