#!/usr/bin/env node
// Runs the command line with the Bun of this package, so that a machine needs Node and npm only.
import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Without its install script, the package has a text file of a few hundred bytes instead of the program. */
const MIN_BYTES = 1_000_000

function findBun() {
  if (process.versions.bun) return process.execPath
  const require = createRequire(import.meta.url)
  try {
    const path = join(dirname(require.resolve('bun/package.json')), 'bin', 'bun.exe')
    if (existsSync(path) && statSync(path).size > MIN_BYTES) return path
  } catch {
    // The package is missing.
  }
  console.error(`verbatim: Bun is missing. Run this in ${root}: npm install && npm rebuild bun`)
  process.exit(1)
}

const args = process.argv.slice(2)
// `verbatim serve` reads the settings of an .env file as `npm start` does. A bunfig.toml of the current folder could
// run code of that folder, so Bun reads the one of this package.
const flags = [`--config=${join(root, 'bunfig.toml')}`, ...(args[0] === 'serve' ? [] : ['--no-env-file'])]
// A proxy cannot reach a service on this machine.
const { NO_PROXY, no_proxy: noProxy = NO_PROXY } = process.env
const direct = [noProxy, '127.0.0.1', 'localhost'].filter(Boolean).join(',')
const child = spawn(findBun(), [...flags, join(root, 'src/cli/main.ts'), ...args], {
  // main.ts ends when the channel closes, so also when this process is killed.
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  env: { ...process.env, NO_PROXY: direct, no_proxy: direct },
})
const signals = ['SIGINT', 'SIGTERM']
for (const signal of signals) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  console.error(`verbatim: cannot start Bun: ${error.message}`)
  process.exit(1)
})
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1)
  for (const name of signals) process.removeAllListeners(name)
  process.kill(process.pid, signal)
})
