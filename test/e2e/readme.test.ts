import { expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startService, withFolder } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import { openReceiver } from '../support/webhook-receiver.ts'

const hasCurl = Bun.which('curl') !== null
if (!hasCurl && process.env.CI)
  throw new Error('There is no curl: with CI set, the README’s lines must be tried')

/** The shell commands of the README between these two headings. */
async function toPaste(from: string, to: string): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const section = readme.slice(readme.indexOf(from), readme.indexOf(to))
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, lines = '']) => lines)
  expect(blocks.length).toBeGreaterThan(4)
  return blocks.join('')
}

test.skipIf(!hasCurl)(
  'the commands of the README’s first five minutes print what it says',
  async () => {
    const receiver = openReceiver()
    await withFolder(async (folder) => {
      const env = { DATA_DIR: folder, OUTBOUND_ALLOW: '127.0.0.1', REGISTRATION: '' }
      const service = await startService(env, undefined, { createsDatabase: true })
      await service.ready
      const lines = (await toPaste('## Five minutes', '## Documentation'))
        .replaceAll('http://localhost:3000', service.url)
        .replaceAll('http://127.0.0.1:4000/', receiver.url)
        .replace(/^node -e .*&\n/m, '')
      const shell = Bun.spawn(['sh', '-eu'], { cwd: ROOT, stdin: new Blob([lines]), stdout: 'pipe' })
      const output = await new Response(shell.stdout).text()
      expect(await shell.exited).toBe(0)
      expect(output).toContain('"status":"completed"')
      expect(output).toMatch(/"words":\[\{"start":[\d.]+,"end":[\d.]+,"word":"\s?The"/)
      expect(output).toMatch(/1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\nThe old library/)
      expect(output).toContain('"secret":"whsec_')
      const [message] = await receiver.count(1)
      expect(message?.body).toContain('"type":"transcription.completed"')
      expect(await service.kill('SIGTERM')).toBe(0)
    })
    await receiver.close()
  },
  600_000,
)
