/** Listens on a free port of this machine, where no one has any business; `onConnection` hears of each who comes. */
export async function listen({ onConnection }: { onConnection: () => void }) {
  let hear = () => {}
  const server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open(socket) {
        hear()
        socket.end()
      },
      data() {},
    },
  })
  // Were it deaf, its silence would say nothing.
  const heard = new Promise<void>((resolve) => {
    hear = resolve
  })
  await fetch(`http://127.0.0.1:${server.port}/`).catch(() => {})
  await heard
  hear = onConnection
  return { port: server.port, close: () => server.stop(true) }
}
