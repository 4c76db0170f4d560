import { expect, setDefaultTimeout, test } from 'bun:test'
import { databases } from '../support/databases.ts'
import { BUN, startService, withFolder } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'

setDefaultTimeout(600_000)

async function makeAdmin(args: string[], env: Record<string, string>, answer = '') {
  const child = Bun.spawn([...BUN, 'src/make-admin.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdin: new Blob([answer]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code: await child.exited, said: (out + err).trim() }
}

async function expectRest(env: Record<string, string>, id: string) {
  expect(await makeAdmin([id, '--revoke', '--yes'], env)).toEqual({
    code: 0,
    said: expect.stringMatching(new RegExp(`${id} is no longer an administrator$`)),
  })
  expect(await makeAdmin(['ada@example.com', '--revoke'], env)).toEqual({
    code: 0,
    said: expect.stringContaining('is not an administrator'),
  })
  for (const answer of ['', 'n\n', 'x\n']) {
    expect(await makeAdmin(['ada@example.com'], env, answer)).toEqual({
      code: 1,
      said: expect.stringMatching(/Make this account an administrator\? \[y\/N\] \n?Nothing was changed$/),
    })
  }
  expect(await makeAdmin(['ada@example.com'], env, 'y\n')).toMatchObject({ code: 0 })
  expect(await makeAdmin(['eve@example.com'], env)).toEqual({
    code: 1,
    said: 'No account has the email eve@example.com: register it first',
  })
  for (const wrong of [['ada'], [], [id, id], ['--issuer', 'x'], ['--all']]) {
    expect(await makeAdmin(wrong, env)).toMatchObject({ code: 1, said: expect.stringContaining('Usage:') })
  }
}

test.each(databases.map(({ name, open }) => ({ name, open })))(
  'the command grants and revokes the administrator role on $name',
  async ({ open }) => {
    await withFolder(async (folder) => {
      const database = await open()
      const env = { DATA_DIR: folder, DATABASE_URL: database.url ?? '', INFERENCE: 'sidecar' }
      const settings = { ...env, SIDECAR_URL: 'http://127.0.0.1:9' }
      const post = async (url: string, path: string, body: object) => {
        const headers = { 'Content-Type': 'application/json' }
        const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
        const { access_token }: { access_token: string } = await answer.json()
        return access_token
      }
      const credentials = { email: 'ada@example.com', password: 'correct horse battery' }
      let service = await startService(settings)
      const registered = await post(service.url, '/api/auth/register', credentials)
      const users = async (token: string) =>
        (await fetch(`${service.url}/api/admin/users`, { headers: { Authorization: `Bearer ${token}` } }))
          .status
      expect(await users(registered)).toBe(403)

      const { id } = await (
        await fetch(`${service.url}/api/auth/me`, { headers: { Authorization: `Bearer ${registered}` } })
      ).json()

      if (database.url === undefined) {
        const { code, said } = await makeAdmin(['ada@example.com', '--yes'], env)
        expect({ code, said }).toEqual({
          code: 1,
          said: expect.stringContaining('in use by another Verbatim'),
        })
        await service.kill('SIGTERM')
      }
      expect(await makeAdmin(['Ada@Example.com', '--yes'], env)).toEqual({
        code: 0,
        said: expect.stringMatching(
          new RegExp(
            `id +${id}\n +email +ada@example.com, not verified: .*\n +created +[0-9-]+ .* \\(today\\)\n +login +password\n +role +user\n${id} is now an administrator$`,
          ),
        ),
      })
      if (database.url === undefined) service = await startService(settings)
      expect(await users(await post(service.url, '/api/auth/login', credentials))).toBe(200)
      await service.kill('SIGTERM')

      if (database.url !== undefined) await expectRest(env, id)
      await database.close()
    })
  },
)

test('the service does not start with incomplete settings of an identity provider', async () => {
  await withFolder(async (folder) => {
    const started = startService({
      DATA_DIR: folder,
      AUTH_JWKS_URL: 'https://id.example/certs',
      AUTH_ISSUER: 'a',
    })
    expect(await started.catch((error: Error) => error.message)).toContain(
      'AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE belong together',
    )
  })
})
