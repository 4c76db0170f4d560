/** Preloaded into a service: says at its end whether what makes traces was loaded. */
process.on('exit', () => {
  const made = Object.keys(require.cache).some((path) => path.includes('@opentelemetry/sdk-trace/'))
  console.log(`what makes traces was ${made ? '' : 'not '}loaded`)
})
