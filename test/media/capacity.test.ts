import { expect, test } from 'bun:test'
import { maxParallelJobs } from '../../src/media/ffmpeg/capacity.ts'

const GIB = 2 ** 30

test.each([
  ['a large machine', 64, 256 * GIB, 64],
  ['a container of 1 GiB on a large machine', 64, GIB, 1],
  ['a container of 2 GiB on a large machine', 64, 2 * GIB, 3],
  ['one core', 1, 8 * GIB, 1],
  ['less memory than one job may need', 4, GIB / 4, 1],
])('%s: %i cores and %i bytes take %i jobs at once', (_, cores, memoryBytes, jobs) => {
  expect(maxParallelJobs({ cores, memoryBytes })).toBe(jobs)
})

test('without a memory limit there is one job per core', () => {
  expect(maxParallelJobs({ memoryBytes: Number.MAX_SAFE_INTEGER })).toBe(
    maxParallelJobs({ memoryBytes: 2 ** 52, cores: navigator.hardwareConcurrency }),
  )
})
