import { ARGON2ID, type Passwords } from './passwords.ts'

/** Bun's implementation; it runs off the event loop. */
export const argon2id: Passwords = {
  hash: (password) =>
    Bun.password.hash(password, {
      algorithm: 'argon2id',
      memoryCost: ARGON2ID.memoryKib,
      timeCost: ARGON2ID.passes,
    }),
  verify: (password, hash) => Bun.password.verify(password, hash),
}
