/** Hashes are self-describing strings (PHC), so a change of parameters leaves the old ones valid. */
export type Passwords = {
  hash(password: string): Promise<string>
  verify(password: string, hash: string): Promise<boolean>
}

/** How passwords are hashed: the first of OWASP's recommended settings. */
export const ARGON2ID = { memoryKib: 19_456, passes: 2 }

/** Of a password that nobody knows, with these settings: verified against where there is no user, to take the same time. */
export const DECOY =
  '$argon2id$v=19$m=19456,t=2,p=1$mj7ET+SyC2JFI9wehyFPxd40wZ5K6rQL504TEp5Jxfw$Ksvap1ngQv07a6K11W1X1Hv61twiPVR0xv1kK+i6mkY'
