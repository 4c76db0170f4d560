import type { Database } from '../db/database.ts'
import { StartError } from '../errors.ts'
import { type Account, type AccountName, findAccounts } from './accounts.store.ts'

const DAY_MS = 86_400_000

/**
 * Finds exactly one account. If several accounts claim an email, the account wins for which an identity
 * provider has verified it, because anyone can register any email. Throws `StartError` if there is no
 * account, or several remain.
 */
export async function findAccount(db: Database, name: AccountName): Promise<Account> {
  const accounts = await findAccounts(db, name)
  const verified = 'email' in name ? accounts.filter((account) => hasVerified(account, name.email)) : accounts
  const [account, ...others] = accounts.length === 1 ? accounts : verified
  if (account && others.length === 0) return account
  if (accounts.length === 0) throw new StartError(`No account has ${nameOf(name)}: register it first`)
  const choices = accounts.map((account) => describeAccount(account)).join('\n\n')
  throw new StartError(`Several accounts claim ${nameOf(name)}: pass the id of one of them:\n\n${choices}`)
}

const hasVerified = (account: Account, email: string) =>
  account.identities.some((identity) => identity.email === email)

function nameOf(name: AccountName): string {
  if ('id' in name) return `the id ${name.id}`
  return 'email' in name ? `the email ${name.email}` : `subject ${name.subject} at ${name.issuer}`
}

/** Lists what distinguishes an account from another, for the administrator who chooses one. */
export function describeAccount(account: Account, now = Date.now()): string {
  const days = Math.floor((now - account.createdAt.getTime()) / DAY_MS)
  const age = days === 0 ? 'today' : days === 1 ? '1 day ago' : `${days} days ago`
  return [
    ['id', account.id],
    ['email', emailOf(account)],
    ['created', `${account.createdAt.toISOString().slice(0, 16).replace('T', ' ')} UTC (${age})`],
    ...loginsOf(account).map((login) => ['login', login]),
    ['role', account.role],
  ]
    .map(([name = '', value]) => `  ${name.padEnd(8)} ${value}`)
    .join('\n')
}

function emailOf({ email, identities }: Account): string {
  const verified = identities.find((identity) => identity.email !== null)
  if (verified) return `${verified.email}, verified by ${verified.issuer}`
  return email === null ? 'none' : `${email}, not verified: anyone can register any email`
}

function loginsOf({ hasPassword, identities }: Account): string[] {
  const elsewhere = identities.map(({ issuer, subject }) => `${issuer}, subject ${subject}`)
  return hasPassword ? ['password', ...elsewhere] : elsewhere
}
