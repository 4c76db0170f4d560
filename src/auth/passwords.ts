/** Hashes are self-describing strings (PHC), so a change of parameters leaves the old ones valid. */
export type Passwords = {
  hash(password: string): Promise<string>
  verify(password: string, hash: string): Promise<boolean>
}
