import { keepShared } from './shared-files.ts'

/**
 * The service worker. It only receives files that other apps share with the page (Web Share Target); everything else
 * goes to the network as without it, so that no old version of the page is ever shown.
 */
type FetchEvent = Event & { request: Request; respondWith(response: Promise<Response>): void }

type InstallEvent = Event & {
  addRoutes?: (rule: { condition: object; source: 'network' }) => Promise<void>
  waitUntil: (work: Promise<void>) => void
}

const isInstall = (event: Event): event is InstallEvent => event.type === 'install'

// Browsers that know static routes need not start the worker for other requests.
addEventListener('install', (event: Event) => {
  if (!isInstall(event) || !event.addRoutes) return
  const condition = { not: { urlPattern: '/share' } }
  event.waitUntil(event.addRoutes({ condition, source: 'network' }).catch(() => {}))
})

const isFetch = (event: Event): event is FetchEvent => event.type === 'fetch'

addEventListener('fetch', (event: Event) => {
  if (!isFetch(event)) return
  const { request } = event
  if (request.method === 'POST' && new URL(request.url).pathname === '/share')
    event.respondWith(receive(request))
})

async function receive(request: Request): Promise<Response> {
  const form = await request.formData()
  const files = form.getAll('files').filter((value) => value instanceof File)
  await keepShared(files)
  const text = [form.get('url'), form.get('text')].map(String).join(' ')
  const url = /https?:\/\/\S+/.exec(text)?.[0]
  return Response.redirect(files.length === 0 && url ? `/?url=${encodeURIComponent(url)}` : '/?shared', 303)
}
