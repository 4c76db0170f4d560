import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import type { AccountName } from './admin/accounts.store.ts'
import { describeAccount, findAccount } from './admin/accounts.ts'
import { updateUser } from './admin/admin.store.ts'
import { readSettings } from './config.ts'
import type { Database } from './db/database.ts'
import { StartError } from './errors.ts'
import { withDatabase } from './open-database.ts'
import { isUuid } from './uuid.ts'

const USAGE = `Usage:
  bun run admin <id or email> [--revoke] [--yes]
  bun run admin --issuer <URL> --subject <sub> [--revoke] [--yes]
--revoke removes the role. --yes skips the confirmation.`

type Command = { name: AccountName; role: 'admin' | 'user'; isConfirmed: boolean }

/** Grants or revokes the administrator role. */
async function main(args: string[]) {
  const command = parseCommand(args)
  await withDatabase(readSettings(process.env), (db) => setRole(db, command))
}

async function setRole(db: Database, { name, role, isConfirmed }: Command) {
  const account = await findAccount(db, name)
  const isGrant = role === 'admin'
  console.log(describeAccount(account))
  if (account.role === role) {
    console.log(`${account.id} is ${isGrant ? 'already' : 'not'} an administrator`)
    return
  }
  const question = isGrant ? 'Make this account an administrator?' : 'Revoke the administrator role?'
  if (!isConfirmed && !(await confirm(question))) throw new StartError('Nothing was changed')
  await updateUser(db, { id: account.id, role })
  console.log(`${account.id} is ${isGrant ? 'now' : 'no longer'} an administrator`)
}

function parseCommand(args: string[]): Command {
  const { values, positionals } = parseOptions(args)
  const { issuer, subject, revoke = false, yes = false } = values
  const [idOrEmail, ...extra] = positionals
  const change = { role: revoke ? 'user' : 'admin', isConfirmed: yes } as const
  if (idOrEmail === undefined && issuer !== undefined && subject !== undefined) {
    return { name: { issuer, subject }, ...change }
  }
  if (idOrEmail === undefined || extra.length > 0 || issuer !== undefined || subject !== undefined) {
    throw new StartError(USAGE)
  }
  if (isUuid(idOrEmail)) return { name: { id: idOrEmail }, ...change }
  if (idOrEmail.includes('@')) return { name: { email: idOrEmail.trim().toLowerCase() }, ...change }
  throw new StartError(`${JSON.stringify(idOrEmail)} is neither an id nor an email\n${USAGE}`)
}

function parseOptions(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        issuer: { type: 'string' },
        subject: { type: 'string' },
        revoke: { type: 'boolean' },
        yes: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : error}\n${USAGE}`)
  }
}

/** The end of the input without an answer means no. */
async function confirm(question: string): Promise<boolean> {
  process.stdout.write(`${question} [y/N] `)
  for await (const answer of createInterface({ input: process.stdin })) {
    return /^y(es)?$/i.test(answer.trim())
  }
  return false
}

try {
  await main(process.argv.slice(2))
  // An open stdin would keep the process alive.
  process.exit(0)
} catch (error) {
  console.error(error instanceof StartError ? error.message : error)
  process.exit(1)
}
