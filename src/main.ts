import { run } from './run.ts'

// Files of this process and its sidecar are readable by their own user only.
process.umask(0o077)

await run({ env: process.env })
