/**
 * Hashes are PHC strings, which name their parameters, so old hashes stay valid after a change of parameters.
 */
export type Passwords = {
  hash(password: string): Promise<string>
  verify(password: string, hash: string): Promise<boolean>
}

/** The first of the settings that OWASP's Password Storage Cheat Sheet recommends. */
export const ARGON2ID = { memoryKib: 19_456, passes: 2 }

/** The hash of a random password: verified if the user is unknown, so that a login takes the same time. */
export const DECOY =
  '$argon2id$v=19$m=19456,t=2,p=1$mj7ET+SyC2JFI9wehyFPxd40wZ5K6rQL504TEp5Jxfw$Ksvap1ngQv07a6K11W1X1Hv61twiPVR0xv1kK+i6mkY'
