import { run } from './run.ts'

// Whatever this process and its sidecar create is for their user only.
process.umask(0o077)

await run({ env: process.env })
