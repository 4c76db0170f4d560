import type { Passwords } from './passwords.ts'

/** Argon2id with the first of OWASP's recommended settings (19 MiB, 2 passes); runs off the event loop. */
export const argon2id: Passwords = {
  hash: (password) => Bun.password.hash(password, { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 }),
  verify: (password, hash) => Bun.password.verify(password, hash),
}
