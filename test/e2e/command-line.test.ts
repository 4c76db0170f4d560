import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signUp } from '../support/client.ts'
import { type Invocation, LAUNCHER, runCommand, startCommand } from '../support/command-line.ts'
import { fixtureText } from '../support/pcm.ts'
import { processesMarked } from '../support/processes.ts'
import { fixture } from '../support/recordings.ts'
import { freePort, type RunningService, startService } from '../support/service.ts'
import { SIDECAR_DIR } from '../support/sidecar-dir.ts'
import { wordErrorRate } from '../support/words.ts'

const PASSWORD = 'correct horse battery'
/** A chunk of an upload. */
const CHUNK_BYTES = 16 * 2 ** 20

const text = await fixtureText()
const port = freePort()
let folder: string
let service: RunningService
let user: Awaited<ReturnType<typeof signUp>>

const start = () =>
  startService({
    DATA_DIR: join(folder, 'data'),
    PORT: String(port),
    OUTBOUND_ALLOW: '127.0.0.1',
    STORAGE_BYTES_PER_USER: String(200 * 2 ** 20),
  })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verbatim-'))
  service = await start()
  user = await signUp(service.url)
}, 600_000)

afterAll(async () => {
  expect(await service.kill('SIGTERM')).toBe(0)
  await rm(folder, { recursive: true, force: true })
}, 600_000)

const home = () => ({ HOME: join(folder, 'home') })
const account = () => ({ ...home(), VERBATIM_URL: service.url, VERBATIM_API_KEY: user.key })
const verbatim = (args: string[], options: Partial<Invocation> = {}) =>
  runCommand(args, { env: account(), ...options })

const expectText = (transcript: string) =>
  expect({ transcript, rate: wordErrorRate(text, transcript) <= 0.1 }).toEqual({ transcript, rate: true })

async function newFolder(name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path, { recursive: true })
  return path
}

type Event = { event: string; source: string; id?: string; text?: string; status?: { status: string } }
const eventsIn = (stdout: string): Event[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

async function listed(): Promise<{ id: string; status: string; filename: string }[]> {
  const { stdout } = await verbatim(['list', '--json', '--limit', '500'])
  return stdout.trim() === ''
    ? []
    : stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
}

describe('transcribe', () => {
  test('prints the text of one recording, and only progress to the standard error', async () => {
    const { code, stdout, stderr } = await verbatim(['transcribe', fixture('speech.mp3')])
    expect(code).toBe(0)
    expectText(stdout)
    expect(stderr).toMatch(/speech\.mp3: uploaded as .*\n.*completed, 7 s of audio, language en/)
    // Neither colors nor bars without a terminal.
    expect(stderr).not.toContain('\u001b')
  })

  test('writes a file per recording and format, fails for a file that is no audio, and replaces no file', async () => {
    const out = join(folder, 'out')
    const args = ['transcribe', fixture('speech.m4a'), fixture('README.md'), '-f', 'srt,txt', '-o', out]
    const first = await verbatim(args)
    expect(first).toMatchObject({ code: 1, stdout: '' })
    expect(first.stderr).toContain('README.md: The file is text, not an audio or video recording')
    expect((await readdir(out)).toSorted()).toEqual(['speech.srt', 'speech.txt'])
    expect(await readFile(join(out, 'speech.srt'), 'utf8')).toMatch(/^1\n00:00:00,\d+ --> .*\nThe old/)

    await writeFile(join(out, 'speech.txt'), 'mine')
    const second = await verbatim(['transcribe', fixture('speech.m4a'), '-f', 'txt,vtt', '-o', out])
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('speech.txt exists already') })
    expect(await readFile(join(out, 'speech.txt'), 'utf8')).toBe('mine')
    const third = await verbatim([
      'transcribe',
      fixture('speech.m4a'),
      '-o',
      join(out, 'speech.txt'),
      '--force',
    ])
    expect(third.code).toBe(0)
    expectText(await readFile(join(out, 'speech.txt'), 'utf8'))
  })

  test('reads the standard input and a URL', async () => {
    using web = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => new Response(Bun.file(fixture('speech.ogg'))),
    })
    const out = join(folder, 'sources')
    const stdin = new Blob([await Bun.file(fixture('speech.flac')).bytes()])
    const { code, stderr } = await verbatim(
      ['transcribe', '-', `${web.url.origin}/a%20talk.ogg?x=1`, '--language', 'English', '-o', out],
      { stdin },
    )
    expect({ code, stderr }).toMatchObject({ code: 0 })
    for (const name of ['stdin.txt', 'a talk.txt']) expectText(await readFile(join(out, name), 'utf8'))
  })

  test('--json prints each event as one JSON object', async () => {
    const { code, stdout } = await verbatim(['transcribe', fixture('speech.webm'), '--json'])
    expect(code).toBe(0)
    const events = eventsIn(stdout)
    const names = events.map(({ event }) => event)
    expect([...new Set(names)]).toEqual([
      'uploading',
      'accepted',
      'status',
      'segments',
      'transcript',
      'completed',
    ])
    expectText(events.find(({ event }) => event === 'transcript')?.text ?? '')
    expect(events.at(-1)).toMatchObject({ source: fixture('speech.webm'), status: { status: 'completed' } })
  })

  test('Ctrl-C leaves the transcription to the server, and get continues', async () => {
    const running = startCommand(['transcribe', fixture('speech.mp3')], { env: account() })
    await running.printed('uploaded as')
    running.child.kill('SIGINT')
    const { code, stdout, stderr } = await running.ended
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    const command = /To get it: verbatim (get \S+ --format txt)/.exec(stderr)?.[1] ?? ''
    const { stdout: transcript } = await verbatim(command.split(' '))
    expectText(transcript)
  })

  test('Ctrl-C with --cancel-on-interrupt cancels the transcription', async () => {
    // Of minutes, so that it is not completed before it is canceled.
    const path = join(folder, 'long.mp3')
    await writeFile(path, Buffer.concat(Array(40).fill(await readFile(fixture('speech.mp3')))))
    const running = startCommand(['transcribe', path, '--cancel-on-interrupt', '--json'], { env: account() })
    await running.printed('"event":"accepted"')
    running.child.kill('SIGINT')
    const { code, stdout } = await running.ended
    expect(code).toBe(130)
    const last = eventsIn(stdout).at(-1)
    expect(last).toMatchObject({ event: 'interrupted', is_canceled: true })
    expect(await user.status(last?.id ?? '')).toMatchObject({ status: 'canceled' })
  })
})

test('login stores an API key that only its user can read, for list, get, delete and logout', async () => {
  const env = { HOME: await newFolder('other-home') }
  const run = (args: string[], stdin = '') => verbatim(args, { env, stdin })
  expect(await run(['list'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('You are not logged in'),
  })
  const lines = `ada@example.com\n${PASSWORD}\n`
  expect(await run(['login', service.url, '--register'], lines)).toMatchObject({ code: 0 })
  expect(await run(['login', service.url], 'ada@example.com\nwrong password\n')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('verbatim: '),
  })
  const path = join(env.HOME, '.config/verbatim/credentials.json')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  const stored = await readFile(path, 'utf8')
  expect(stored).not.toContain(PASSWORD)

  const { stdout } = await run(['transcribe', fixture('speech.wav'), '--json'])
  const id = eventsIn(stdout).at(-1)?.id ?? ''
  expect((await run(['list'])).stdout).toMatch(`${id}  `)
  expect((await run(['list', '--search', 'nowhere'])).stdout).not.toContain(id)
  const got = await run(['get', id, '-f', 'srt,json', '-o', join(env.HOME, 'out')])
  expect(got.code).toBe(0)
  expect((await readdir(join(env.HOME, 'out'))).toSorted()).toEqual(['speech.json', 'speech.srt'])
  expect(await run(['delete', id])).toMatchObject({ code: 0 })
  expect(await run(['get', id])).toMatchObject({ code: 1, stderr: expect.stringContaining('not found') })
  // A stored key is sent to no other service.
  const elsewhere = await verbatim(['list'], { env: { ...env, VERBATIM_URL: 'http://127.0.0.1:9' } })
  expect(elsewhere.stderr).toContain('There is no API key for http://127.0.0.1:9')

  expect(await run(['logout', '--revoke'], `${PASSWORD}\n`)).toMatchObject({ code: 0 })
  expect(await Bun.file(path).exists()).toBe(false)
  const { apiKey }: { apiKey: string } = JSON.parse(stored)
  const revoked = await verbatim(['list'], { env: { ...account(), VERBATIM_API_KEY: apiKey } })
  expect(revoked).toMatchObject({ code: 1, stderr: expect.stringContaining('refused the API key') })
})

test('watch transcribes each recording once, after it has stopped growing, also over restarts', async () => {
  const watched = await newFolder('watched')
  const args = ['watch', watched, '--settle', '1', '-f', 'srt']
  const wav = await Bun.file(fixture('speech.wav')).bytes()
  const growing = join(watched, 'growing.wav')
  await writeFile(growing, wav.subarray(0, 1000))
  await writeFile(join(watched, 'notes.txt'), 'no recording')
  await copyFile(fixture('README.md'), join(watched, 'broken.mp3'))
  await copyFile(fixture('speech.mp3'), join(watched, 'whole.mp3'))
  const first = startCommand(args, { env: account() })
  let isGrowing = true
  const writing = (async () => {
    let end = 1000
    for (; isGrowing; end += 100) {
      await appendFile(growing, wav.subarray(end, end + 100))
      await Bun.sleep(200)
    }
    await appendFile(growing, wav.subarray(end))
  })()
  await first.printed('whole.mp3: completed')
  await first.printed('broken.mp3: The file is text')
  isGrowing = false
  await writing
  await first.printed('growing.wav: completed')
  first.child.kill('SIGINT')
  expect(await first.ended).toMatchObject({ code: 130 })

  await copyFile(fixture('speech.ogg'), join(watched, 'later.ogg'))
  await copyFile(fixture('speech.flac'), join(watched, 'whole.mp3'))
  const second = startCommand(args, { env: account() })
  await second.printed('later.ogg: completed')
  // Its content has changed.
  await second.printed('whole.mp3: completed')
  second.child.kill('SIGINT')
  expect((await second.ended).stderr).not.toMatch(/broken|growing|notes/)
  const written = (await readdir(watched)).filter((name) => name.endsWith('.srt'))
  expect(written.toSorted()).toEqual(['growing.srt', 'later.srt', 'whole.srt'])
  expect(await readFile(join(watched, 'growing.srt'), 'utf8')).toContain('good book.')
  const names = (await listed()).map(({ filename }) => filename)
  expect(names.filter((name) => /^(whole|growing|later)/.test(name)).toSorted()).toEqual([
    'growing.wav',
    'later.ogg',
    'whole.mp3',
    'whole.mp3',
  ])
})

describe('errors', () => {
  test.each([
    [['transcribe'], 2, 'missing required argument'],
    [['transcribe', 'x.mp3', '--format', 'docx'], 2, 'it takes txt, srt'],
    [['transcribe', 'x.mp3', '--quality', 'superb'], 2, 'Allowed choices are fast, balanced, best'],
    [['nothing'], 2, 'unknown command'],
    [['transcribe', 'missing.mp3'], 1, 'Cannot read missing.mp3: there is no such file'],
    [['transcribe', fixture('speech.mp3'), '--language', 'jp'], 1, 'ja'],
    [['watch', 'missing'], 2, 'missing is not a folder'],
  ])('%j ends with %d', async (args, code, message) => {
    expect(await verbatim(args)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) })
  })

  test('a recording over the quota is refused before it is uploaded', async () => {
    const path = join(folder, 'large.wav')
    await writeFile(path, '')
    await Bun.spawn(['truncate', '-s', '300M', path]).exited
    const { code, stderr } = await verbatim(['transcribe', path])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/large\.wav: .*a user may store 209715200 bytes/),
    })
  })

  test('no server answers', async () => {
    const env = { ...account(), VERBATIM_URL: 'http://127.0.0.1:9' }
    const { code, stderr } = await verbatim(['transcribe', fixture('speech.mp3')], { env })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('No Verbatim service answers'),
    })
  })
})

test('completions name commands, options and values', async () => {
  const complete = async (...args: string[]) => (await verbatim(['complete', '--', ...args])).stdout
  expect(await complete('tr')).toContain('transcribe\t')
  expect(await complete('transcribe', '--cancel')).toContain('--cancel-on-interrupt')
  expect(await complete('transcribe', '--quality', '')).toMatch(/^fast\t\nbalanced\t\nbest\t$/m)
  for (const shell of ['bash', 'zsh', 'fish']) {
    expect((await verbatim(['complete', shell])).stdout).toContain('verbatim complete --')
  }
})

describe.skipIf(process.platform !== 'linux')('--local', () => {
  test('transcribes from an empty home, and leaves no process and no audio', async () => {
    const mark = crypto.randomUUID()
    const env = { HOME: await newFolder('empty-home'), SIDECAR_DIR, LC_VERBATIM_TEST: mark }
    const args = ['transcribe', fixture('speech.mp3'), '--local']
    const { code, stdout, stderr } = await runCommand(args, { env, command: LAUNCHER })
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expectText(stdout)
    expect(await processesMarked(mark)).toEqual([])
    expect(await readdir(join(env.HOME, '.local/share/verbatim/runs'))).toEqual([])
  })

  test.each(['SIGINT', 'SIGKILL'] as const)('%s leaves no process and no audio', async (signal) => {
    const mark = crypto.randomUUID()
    const env = {
      HOME: await newFolder(`home-${signal}`),
      // The service has no engine, so that the recording waits.
      SIDECAR_URL: 'http://127.0.0.1:9',
      LC_VERBATIM_TEST: mark,
    }
    const args = ['transcribe', fixture('speech.mp3'), '--local']
    const running = startCommand(args, { env, command: LAUNCHER })
    await running.printed('uploaded as')
    running.child.kill(signal)
    const { code } = await running.ended
    expect(code).toBe(signal === 'SIGINT' ? 130 : 137)
    while ((await processesMarked(mark)).length > 0) await Bun.sleep(50)
    expect(await readdir(join(env.HOME, '.local/share/verbatim/runs'))).toEqual([])
  })
})

/** A WAV of the fixture's speech whose first chunk is padding of this size. */
async function paddedWav(bytes: number): Promise<Blob> {
  const wav = await Bun.file(fixture('speech.wav')).bytes()
  const padding = new Uint8Array(8 + bytes)
  padding.set(new TextEncoder().encode('JUNK'))
  new DataView(padding.buffer).setUint32(4, bytes, true)
  const header = wav.slice(0, 12)
  new DataView(header.buffer).setUint32(4, wav.length + padding.length - 8, true)
  return new Blob([header, padding, wav.subarray(12)])
}

// The last test, because it starts the service again.
test('an upload resumes after Ctrl-C with the same command, and after a crash and restart of the server', async () => {
  const path = join(folder, 'padded.wav')
  await Bun.write(path, await paddedWav(2.5 * CHUNK_BYTES))
  const offsets: string[] = []
  const proxyPort = freePort()
  const listen = () => Bun.serve({ port: proxyPort, hostname: '127.0.0.1', idleTimeout: 60, fetch: forward })
  const env = { ...account(), VERBATIM_URL: `http://127.0.0.1:${proxyPort}` }
  const upload = () => startCommand(['transcribe', path], { env })

  async function forward(request: Request): Promise<Response> {
    if (request.method === 'PATCH' && offsets.push(request.headers.get('upload-offset') ?? '') === 2) {
      first.child.kill('SIGINT')
      return new Response(null, { status: 503 })
    }
    if (request.method === 'PATCH' && offsets.length === 3) {
      // No server listens until the service runs again.
      proxy.stop(true)
      await service.kill('SIGKILL')
      service = await start()
      proxy = listen()
      return new Response()
    }
    const { pathname, search } = new URL(request.url)
    // As a proxy that blocks streams, so that the status is polled.
    if (pathname.endsWith('/events')) return new Response(null, { status: 502 })
    const { method, headers, body } = request
    return fetch(`${service.url}${pathname}${search}`, { method, headers, body })
  }

  let proxy = listen()
  const first = upload()
  expect(await first.ended).toMatchObject({
    code: 130,
    stderr: expect.stringContaining('Run the same command again to resume the upload'),
  })
  const { code, stdout, stderr } = await upload().ended
  await proxy.stop(true)
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expectText(stdout)
  const chunk = String(CHUNK_BYTES)
  expect(offsets).toEqual(['0', chunk, chunk, chunk, String(2 * CHUNK_BYTES)])
})
