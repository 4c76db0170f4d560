/** Runs a TypeScript file in its own process. `input` is its stdin as JSON, and its stdout is JSON. */
export async function runScript<Result>(path: string, input: unknown): Promise<Result> {
  const child = Bun.spawn([process.execPath, path], {
    stdin: new Blob([JSON.stringify(input)]),
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const output = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`${path} failed`)
  return JSON.parse(output)
}
