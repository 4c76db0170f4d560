import { expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import manifest from '../package.json'
import { linesOf } from '../src/engines/local-sidecar/lines.ts'
import { temporaryFolder } from './support/recordings.ts'
import { ROOT } from './support/sidecar-dir.ts'

/** `bun` with the flags that `npm test` runs its script with. */
const [, ...flags] = manifest.scripts.test.split(' ').slice(0, -1)

type Fake = { name: string; script: string; failure?: RegExp; isBeside?: boolean }

/** Runs shell scripts in the way in which `npm test` runs its parts. */
async function start(fakes: Fake[]) {
  const folder = await temporaryFolder()
  const written = ({ name, script, failure = /^BAD/ }: Fake) =>
    `{ name: '${name}', command: ['sh', '-c', ${JSON.stringify(script)}], failure: ${failure} }`
  const parts = fakes.filter(({ isBeside }) => !isBeside).map(written)
  const beside = fakes.filter(({ isBeside }) => isBeside).map(written)
  const script = join(folder.path, 'parts.ts')
  const module = JSON.stringify(join(ROOT, 'test/parts.ts'))
  const call = `await runParts([${parts}], { beside: [${beside}] })`
  await writeFile(script, `import { runParts } from ${module}\nprocess.exit(${call})\n`)
  const env = { ...process.env, FORCE_COLOR: '1' }
  const child = Bun.spawn([process.execPath, ...flags, script], { env, stdout: 'pipe', stderr: 'pipe' })
  return { child, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

async function ended(fakes: Fake[]) {
  await using run = await start(fakes)
  const [said, code] = await Promise.all([new Response(run.child.stdout).text(), run.child.exited])
  const [output = '', summary = ''] = said.split(/\n(?=All parts passed:|\d+ of \d+ parts failed:)/)
  return { code, output, summary }
}

test('every part runs even if others fail, and the summary lists the failures', async () => {
  const { code, output, summary } = await ended([
    { name: 'first', script: 'echo BAD one; echo fine; echo BAD two >&2; echo BAD one; exit 3' },
    { name: 'second', script: 'echo "BAD but passed, in color $FORCE_COLOR"' },
    { name: 'third', script: 'kill -KILL $$' },
    { name: 'fourth', script: 'exec /nowhere/program' },
    { name: 'fifth', script: 'echo last of all' },
  ])
  expect(code).toBe(1)
  expect(output).toContain('BAD but passed, in color \n')
  expect(output).toContain('last of all')
  expect(summary.split('\n').map((line) => line.trim().replace(/\(\d+ s\)/, '(time)'))).toEqual([
    '3 of 5 parts failed:',
    expect.stringMatching(/^FAILED {2}first \(time\), exit status 3: sh -c echo BAD one/),
    'BAD one',
    'BAD two',
    'passed  second (time)',
    expect.stringMatching(/^FAILED {2}third \(time\), ended by SIGKILL: /),
    expect.stringMatching(/^FAILED {2}fourth \(time\), exit status 127: /),
    'passed  fifth (time)',
    '',
  ])
})

test('parts run beside the last part, and their output and outcomes follow its own', async () => {
  await using folder = await temporaryFolder()
  const [mine, theirs] = ['last', 'beside'].map((name) => join(folder.path, name))
  // Each waits for the other, so neither would end if they ran one after another.
  const meet = (own = '', other = '') => `touch ${own}; until [ -e ${other} ]; do sleep 0.01; done`
  const { code, output, summary } = await ended([
    { name: 'beside', script: `echo beside; echo BAD luck; ${meet(theirs, mine)}; exit 1`, isBeside: true },
    { name: 'after', script: 'echo after', isBeside: true },
    { name: 'first', script: `echo first; ! [ -e ${theirs} ]` },
    { name: 'last', script: `${meet(mine, theirs)}; echo last` },
  ])
  expect(code).toBe(1)
  const lines = output.split('\n').filter((line) => line && !line.startsWith('=='))
  expect(lines).toEqual(['first', 'last', 'beside', 'BAD luck', 'after'])
  expect(summary.split('\n').map((line) => line.trim().replace(/\(\d+ s\).*/, '(time)'))).toEqual([
    '1 of 4 parts failed:',
    'passed  first (time)',
    'passed  last (time)',
    'FAILED  beside (time)',
    'BAD luck',
    'passed  after (time)',
    '',
  ])
})

test('a summary names a part’s first failures and counts the rest', async () => {
  const { summary } = await ended([{ name: 'many', script: 'seq -f "BAD %g" 25; exit 1' }])
  const told = summary.split('\n').map((line) => line.trim())
  expect(told).toContain('BAD 20')
  expect(told).not.toContain('BAD 21')
  expect(told).toContain('and 5 more')
})

test('the exit status is 0 only if all parts passed', async () => {
  const passing = { name: 'passing', script: 'true' }
  expect(await ended([passing, passing])).toMatchObject({ code: 0, summary: expect.stringContaining('All') })
  expect(await ended([passing, { name: 'failing', script: 'false' }, passing])).toMatchObject({ code: 1 })
})

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s ends the run at once, with all processes that its parts started', async (signal, status) => {
  // None of them ends by itself; the last one is in its own session, as daemons are.
  const deaf = 'trap "" INT TERM HUP; echo $$; while :; do sleep 1; done'
  const detached = `"${process.execPath}" -e "console.log(Bun.spawn(['sleep', '1000'], { detached: true }).pid); await Bun.sleep(1e6)"`
  await using run = await start([
    { name: 'running', script: `${detached} & sh -c '${deaf}' & ${deaf}` },
    { name: 'next', script: 'echo the next part was started' },
  ])
  const pids: number[] = []
  const lines: string[] = []
  try {
    for await (const line of linesOf(run.child.stdout)) {
      lines.push(line)
      if (/^\d+$/.test(line) && pids.push(Number(line)) === 3) run.child.kill(signal)
    }
    expect(await run.child.exited).toBe(status)
    expect(await new Response(run.child.stderr).text()).toContain(`Stopped by ${signal}`)
    expect(pids).toHaveLength(3)
    // A killed process keeps its id until its new parent has read its status.
    while (pids.some(isAlive)) await Bun.sleep(10)
    expect(lines.join('\n')).not.toContain('the next part')
  } finally {
    for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL')
  }
})

test('`npm test` runs every check that has a script', async () => {
  const { env } = process
  const child = Bun.spawn([process.execPath, join(ROOT, 'test/all.ts'), 'nothing'], { env, stderr: 'pipe' })
  const said = await new Response(child.stderr).text()
  expect(await child.exited).toBe(2)
  const run = said.trim().split('choose from ')[1]?.split(', ') ?? []
  const scripts = Object.entries(manifest.scripts)
  // test:unit runs a part of test:service.
  const isCheck = (name: string) => name.startsWith('test:') && name !== 'test:unit'
  const own = scripts.filter(([name, script]) => isCheck(name) && !script.includes('test/all.ts'))
  expect(run.map((name) => `test:${name}`)).toEqual(own.map(([name]) => name))
  const named = scripts.flatMap(([, script]) => script.split('test/all.ts ')[1]?.split(' ') ?? [])
  expect(run).toEqual(expect.arrayContaining(named))
})
