import { describe, expect, test } from 'bun:test'
import { allowedMethods } from '../../src/http/allowed-methods.ts'

const routes = [
  { method: 'GET', path: '/things' },
  { method: 'POST', path: '/things' },
  { method: 'PATCH', path: '/things/:id' },
  { method: 'GET', path: '/things/:id/parts/:part' },
  { method: 'HEAD', path: '/things/latest' },
  { method: 'GET', path: '/things/latest' },
]

describe('the allowed methods', () => {
  test.each([
    ['/things', ['GET', 'HEAD', 'POST']],
    ['/things/', ['GET', 'HEAD', 'POST']],
    ['/things/1', ['PATCH']],
    ['/things/1/parts/2', ['GET', 'HEAD']],
    ['/things/latest', ['PATCH', 'HEAD', 'GET']],
    ['/things/1/parts', []],
    ['/things//parts/2', []],
    ['/', []],
    ['', []],
  ])('of %s are %p', (path, methods) => {
    expect(allowedMethods({ routes, path })).toEqual(methods)
  })
})
