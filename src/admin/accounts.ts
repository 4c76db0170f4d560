import type { Database } from '../db/database.ts'
import { StartError } from '../errors.ts'
import { type Account, type AccountName, findAccounts } from './accounts.store.ts'

const DAY_MS = 86_400_000

/**
 * The one account that a name stands for. Of several that claim an address, it is the one for which an identity provider has
 * verified it, since anyone can register any address. Throws `StartError` if there is none, or no way to tell which.
 */
export async function findAccount(db: Database, name: AccountName): Promise<Account> {
  const found = await findAccounts(db, name)
  const verified = 'email' in name ? found.filter((account) => hasVerified(account, name.email)) : found
  const [account, ...others] = found.length === 1 ? found : verified
  if (account && others.length === 0) return account
  if (found.length === 0) throw new StartError(`There is no account of ${nameOf(name)}: register it first`)
  throw new StartError(
    `Several accounts claim ${nameOf(name)}; name one by its id:\n\n${found.map(described).join('\n\n')}`,
  )
}

const hasVerified = (account: Account, email: string) =>
  account.identities.some((identity) => identity.email === email)

function nameOf(name: AccountName): string {
  if ('id' in name) return `the id ${name.id}`
  return 'email' in name ? name.email : `subject ${name.subject} at ${name.issuer}`
}

/** What tells an account from another, for someone who decides about it. */
export function described(account: Account, now = Date.now()): string {
  const days = Math.floor((now - account.createdAt.getTime()) / DAY_MS)
  const age = days === 0 ? 'today' : days === 1 ? '1 day ago' : `${days} days ago`
  return [
    ['id', account.id],
    ['email', emailOf(account)],
    ['created', `${account.createdAt.toISOString().slice(0, 16).replace('T', ' ')} UTC (${age})`],
    ...logInsOf(account).map((logIn) => ['log-in', logIn]),
    ['role', account.role],
  ]
    .map(([name = '', value]) => `  ${name.padEnd(8)} ${value}`)
    .join('\n')
}

function emailOf({ email, identities }: Account): string {
  const verified = identities.find((identity) => identity.email !== null)
  if (verified) return `${verified.email}, verified by ${verified.issuer}`
  return email === null ? 'none' : `${email}, not verified: anyone could have registered it`
}

function logInsOf({ hasPassword, identities }: Account): string[] {
  const elsewhere = identities.map(({ issuer, subject }) => `${issuer}, subject ${subject}`)
  return hasPassword ? ['password', ...elsewhere] : elsewhere
}
