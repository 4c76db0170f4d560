import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { childEnvironment } from '../../src/engines/local-sidecar/child-environment.ts'
import { fixture } from './api-client.ts'
import { BUN } from './service.ts'
import { ROOT } from './sidecar-dir.ts'

/**
 * Runs the programs in a section of docs/switching.md as a reader pastes them, with speech.mp3 as `talk.mp3`.
 * Returns their outputs.
 */
export async function runExamples(
  heading: string,
  { url, key, python }: { url: string; key: string; python: string },
): Promise<string[]> {
  const text = await Bun.file(join(ROOT, 'docs/switching.md')).text()
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? ''
  // Below node_modules, so that the programs find the packages.
  const folder = await mkdtemp(join(ROOT, 'node_modules/.cache/verbatim/example-'))
  await Bun.write(join(folder, 'talk.mp3'), fixture('speech.mp3'))
  const outputs: string[] = []
  for (const [, language = '', code = ''] of section.matchAll(/^```(ts|py)\n([\s\S]*?)^```$/gm)) {
    const file = join(folder, `example.${language}`)
    await Bun.write(file, code.replaceAll('http://localhost:3000', url))
    const child = Bun.spawn([...(language === 'ts' ? BUN : [python]), file], {
      cwd: folder,
      env: { ...childEnvironment(process.env), VERBATIM_KEY: key },
      stderr: 'inherit',
    })
    outputs.push(await new Response(child.stdout).text())
  }
  await rm(folder, { recursive: true, force: true })
  return outputs
}
