// Runs before every test file (see bunfig.toml). Settings in the environment, or in an .env file, change no test.
import { setDefaultTimeout } from 'bun:test'
import { SETTINGS } from '../src/config.ts'

// A limit ends a test that hangs. Bun’s own, 5 seconds, also ended tests on a busy machine.
setDefaultTimeout(300_000)

/** Settings of the sidecar, whose process inherits them, and of OpenTelemetry. */
const OTHER_SETTINGS = /^((CPU|GPU)_WORKERS|CPU_THREADS|COMPUTE_TYPE|DEVICE(_INDEX)?|MAX_\w+|OTEL_\w+)$/
/** Settings that are the tests’ own too: the Python to use, and the credentials for TEST_STORAGE_URL. */
const KEPT = process.env.TEST_STORAGE_URL ? /^(PYTHON|AWS_\w+)$/ : /^PYTHON$/

for (const name of Object.keys(process.env)) {
  if ((name in SETTINGS || OTHER_SETTINGS.test(name)) && !KEPT.test(name)) delete process.env[name]
}
process.env.NODE_ENV = 'test'

// Colors would change what the tested programs print.
delete process.env.FORCE_COLOR

// A proxy does not reach the servers that tests start on this machine.
const { NO_PROXY, no_proxy = NO_PROXY } = process.env
const direct = [no_proxy, '127.0.0.1', 'localhost'].filter(Boolean).join(',')
Object.assign(process.env, { NO_PROXY: direct, no_proxy: direct })
