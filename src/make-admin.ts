import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import type { AccountName } from './admin/accounts.store.ts'
import { described, findAccount } from './admin/accounts.ts'
import { updateUser } from './admin/admin.store.ts'
import { readSettings } from './config.ts'
import type { Database } from './db/database.ts'
import { StartError } from './errors.ts'
import { withDatabase } from './open-database.ts'
import { isUuid } from './uuid.ts'

const USAGE = `Usage:
  bun run admin <id or email> [--revoke] [--yes]
  bun run admin --issuer <URL> --subject <sub> [--revoke] [--yes]
--revoke takes the role away. --yes changes it without asking.`

type Command = { name: AccountName; role: 'admin' | 'user'; isConfirmed: boolean }

/** Makes an account an administrator's, or takes the role away. */
async function main(args: string[]) {
  const command = parse(args)
  await withDatabase(readSettings(process.env), (db) => setRole(db, command))
}

async function setRole(db: Database, { name, role, isConfirmed }: Command) {
  const account = await findAccount(db, name)
  const become = role === 'admin' ? 'an administrator' : 'no administrator'
  console.log(described(account))
  if (account.role === role) {
    console.log(`${account.id} is ${become} already`)
    return
  }
  const question = role === 'admin' ? 'Make this account an administrator?' : 'Take the role away?'
  if (!isConfirmed && !(await confirm(question))) throw new StartError('Nothing was changed')
  await updateUser(db, { id: account.id, role })
  console.log(`${account.id} is ${become} from now on`)
}

function parse(args: string[]): Command {
  const { values, positionals } = parsed(args)
  const { issuer, subject, revoke = false, yes = false } = values
  const [given, ...more] = positionals
  const rest = { role: revoke ? 'user' : 'admin', isConfirmed: yes } as const
  if (given === undefined && issuer !== undefined && subject !== undefined) {
    return { name: { issuer, subject }, ...rest }
  }
  if (given === undefined || more.length > 0 || issuer !== undefined || subject !== undefined) {
    throw new StartError(USAGE)
  }
  if (isUuid(given)) return { name: { id: given }, ...rest }
  if (given.includes('@')) return { name: { email: given.trim().toLowerCase() }, ...rest }
  throw new StartError(`${JSON.stringify(given)} is neither an id nor an email\n${USAGE}`)
}

function parsed(args: string[]) {
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

/** An input that ends without an answer is a no. */
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
