import { rmSync } from 'node:fs'
import { run } from '../run.ts'

// The service of `--local`. Its argument is a folder for its data, which it removes when it ends.
const [folder = ''] = process.argv.slice(2)

// Files of this process and its sidecar are readable by their own user only.
process.umask(0o077)
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
// The standard input is a pipe from the command line, and ends with it.
process.stdin.on('close', () => process.kill(process.pid, 'SIGTERM')).resume()

await run({ env: { ...process.env, DATA_DIR: folder } })
