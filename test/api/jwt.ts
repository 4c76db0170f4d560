import { createHmac } from 'node:crypto'

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token as anyone could make it who knows `secret`. `alg` none leaves it unsigned. */
export function forge({
  secret,
  alg = 'HS256',
  kid,
  claims,
}: {
  secret: string
  alg?: 'HS256' | 'HS512' | 'none'
  kid?: string
  claims: object
}): string {
  const content = `${encode({ alg, typ: 'JWT', kid })}.${encode(claims)}`
  if (alg === 'none') return `${content}.`
  const hash = alg === 'HS512' ? 'sha512' : 'sha256'
  return `${content}.${createHmac(hash, secret).update(content).digest('base64url')}`
}

export function claimsOf(token: string): { sub: string; sid: string; iat: number; exp: number } {
  return decode(token.split('.')[1])
}

export function headerOf(token: string): { alg: string; kid: string } {
  return decode(token.split('.')[0])
}

const decode = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString())
