import { withDatabase } from './assemble.ts'
import { setRole } from './auth/users.store.ts'
import { readSettings } from './config.ts'
import { StartError } from './errors.ts'

const USAGE = 'bun run admin you@example.com [--revoke]'

/** Makes the account of an email an administrator's, or, with `--revoke`, anyone's again. */
async function main([email, option, ...more]: string[]) {
  if (!email?.includes('@') || ![undefined, '--revoke'].includes(option) || more.length > 0) {
    throw new StartError(`What was asked for is not known: ${USAGE}`)
  }
  const role = option === '--revoke' ? 'user' : 'admin'
  const plain = email.trim().toLowerCase()
  const isSet = await withDatabase(readSettings(process.env), (db) => setRole(db, { email: plain, role }))
  if (!isSet) throw new StartError(`There is no account of ${plain}: register it first`)
  console.log(`${plain} is ${role === 'admin' ? 'an administrator' : 'no administrator'} from now on`)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof StartError ? error.message : error)
  process.exit(1)
}
