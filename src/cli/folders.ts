import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

export type Env = Record<string, string | undefined>

/** A folder of the XDG Base Directory Specification. The specification ignores relative paths. */
function xdg(env: Env, name: string, fallback: string[]): string {
  const folder = env[name]
  const parent = folder && isAbsolute(folder) ? folder : join(env.HOME || homedir(), ...fallback)
  return join(parent, 'verbatim')
}

export const configFolder = (env: Env) => xdg(env, 'XDG_CONFIG_HOME', ['.config'])
export const dataFolder = (env: Env) => xdg(env, 'XDG_DATA_HOME', ['.local', 'share'])
export const stateFolder = (env: Env) => xdg(env, 'XDG_STATE_HOME', ['.local', 'state'])
