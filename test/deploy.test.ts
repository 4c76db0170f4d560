import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { SETTINGS } from '../src/config.ts'
import { prometheusMetrics } from '../src/metrics/prometheus.ts'

setDefaultTimeout(60_000)

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8')

test('the dashboard asks for series that there are', async () => {
  const metrics = prometheusMetrics({
    backlogs: async () => [{ name: 'span', waiting: 0, running: 0, oldestSeconds: 0 }],
    openTranscriptions: async () => ({ queued: 0 }),
    hostedSecondsToday: async () => 0,
  })
  metrics.request({ method: 'GET', route: '/', status: 200, seconds: 1 })
  metrics.span({ engine: 'sidecar', outcome: 'done', seconds: 1, audioSeconds: 1 })
  const { body } = await metrics.exposition()
  const there = new Set([...body.matchAll(/^([a-z_]+)[ {]/gm)].map(([, name]) => name))
  const dashboard: { panels: { targets: { expr: string }[] }[] } = JSON.parse(
    await read('deploy/grafana/verbatim.json'),
  )
  const asked = dashboard.panels.flatMap(({ targets }) =>
    targets.flatMap(({ expr }) => expr.match(/\b(verbatim|process)_[a-z_]+/g) ?? []),
  )
  expect(asked.length).toBeGreaterThan(10)
  expect(asked.filter((name) => !there.has(name))).toEqual([])
})

test('what is deployed sets settings that there are', async () => {
  const compose = await read('compose.yaml')
  const environment = compose.slice(compose.indexOf('&environment'), compose.indexOf('depends_on'))
  const inCompose = [...environment.matchAll(/^ {4}([A-Z_]+):/gm)].map(([, name]) => name)
  const kustomization = await read('deploy/kubernetes/kustomization.yaml')
  const inCluster = [...kustomization.matchAll(/(?:- |=)([A-Z_]+)=/g)].map(([, name]) => name)
  expect(inCompose).toContain('STORAGE_URL')
  expect(inCluster).toContain('DATABASE_URL')
  expect([...inCompose, ...inCluster].filter((name) => !name || !(name in SETTINGS))).toEqual([])
})
