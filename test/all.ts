// Runs all checks, or only the named ones: `bun test/all.ts types lint`. Each is a script of package.json:
// `test:<name>`.
import { runParts } from './parts.ts'
import { ROOT } from './support/sidecar-dir.ts'

/** Patterns of the output lines that name a failure. */
const FAILURES = {
  types: /error TS\d+/,
  lint: /━━━/,
  unused: /^(Unused|Unlisted|Unresolved|Duplicate) /,
  'sidecar:types': /^\S+:\d+: error: /,
  'sidecar:lint': /^ *--> /,
  'sidecar:format': /^Would reformat/,
  'sidecar:unit': /^(FAILED|ERROR) /,
  service: /^\(fail\) |^# Unhandled error/,
}

/**
 * The slow checks of the sidecar, which run while the tests of the service wait. The checks before them install what
 * both need: the Python packages and the model.
 */
const BESIDE_SERVICE = ['sidecar:types', 'sidecar:unit']

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in FAILURES))
if (unknown.length > 0) {
  console.error(`There is no check ${unknown.join(', ')}: choose from ${Object.keys(FAILURES).join(', ')}`)
  process.exit(2)
}
process.chdir(ROOT)
const parts = Object.entries(FAILURES)
  .filter(([name]) => asked.length === 0 || asked.includes(name))
  .map(([name, failure]) => ({ name, command: [process.execPath, 'run', `test:${name}`], failure }))
const hasService = parts.some(({ name }) => name === 'service')
const beside = hasService ? parts.filter(({ name }) => BESIDE_SERVICE.includes(name)) : []
process.exit(
  await runParts(
    parts.filter((part) => !beside.includes(part)),
    { beside },
  ),
)
