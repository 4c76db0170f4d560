/** Lets other apps share recordings with the page, once it is installed. Browsers offer it on https and localhost. */
export function installShareTarget(): void {
  // Without it, everything else works.
  navigator.serviceWorker?.register('/sw.js').catch(() => {})
}
