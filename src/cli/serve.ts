import { run } from '../run.ts'
import type { Env } from './folders.ts'

/** Runs the service in this process, as `npm start` does. */
export async function serve(env: Env): Promise<void> {
  // Files of this process and its sidecar are readable by their own user only.
  process.umask(0o077)
  await run({ env })
}
