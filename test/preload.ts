// Runs before every test file (see bunfig.toml). Removes settings of the environment and of .env files, so
// that they change no test.
import { setDefaultTimeout } from 'bun:test'
import { SETTINGS } from '../src/config.ts'

// The timeout ends a test that hangs. Bun’s default of 5 seconds also ended tests on a busy machine. Bun keeps this
// value for one file only, so runs of several files also need `--timeout`, as the scripts in package.json have it.
setDefaultTimeout(300_000)

/** Settings of the sidecar, which its process inherits, and of OpenTelemetry. */
const OTHER_SETTINGS =
  /^((CPU|GPU)_WORKERS|CPU_THREADS|COMPUTE_TYPE|ENCODER|DEVICE(_INDEX)?|MAX_\w+|OTEL_\w+)$/
/** Settings that the tests use themselves: the Python, and the credentials for TEST_STORAGE_URL. */
const KEPT = process.env.TEST_STORAGE_URL ? /^(PYTHON|AWS_\w+)$/ : /^PYTHON$/

for (const name of Object.keys(process.env)) {
  if ((name in SETTINGS || OTHER_SETTINGS.test(name)) && !KEPT.test(name)) delete process.env[name]
}
process.env.NODE_ENV = 'test'

// Colors would change the output of the tested programs.
delete process.env.FORCE_COLOR

// A proxy cannot reach the servers that tests start on this machine.
const { NO_PROXY, no_proxy = NO_PROXY } = process.env
const direct = [no_proxy, '127.0.0.1', 'localhost'].filter(Boolean).join(',')
Object.assign(process.env, { NO_PROXY: direct, no_proxy: direct })
