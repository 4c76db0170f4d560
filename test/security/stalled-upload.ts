/**
 * Starts an upload, or a PATCH of the upload `resuming`, that sends `bytes` of a WAV file and then stalls.
 */
export async function stalledUpload({
  url,
  token,
  bytes,
  resuming,
}: {
  url: string
  token: string
  bytes: number
  resuming?: string
}) {
  const { hostname, port } = new URL(url)
  const body = new Uint8Array(bytes)
  body.set(new TextEncoder().encode('RIFF....WAVEfmt '))
  const head = [
    resuming === undefined ? 'PUT /api/transcribe HTTP/1.1' : `PATCH ${resuming} HTTP/1.1`,
    'Host: x',
    `Authorization: Bearer ${token}`,
    `Content-Length: ${bytes + 1}`,
    ...(resuming === undefined
      ? ['Content-Type: audio/wav']
      : ['Content-Type: application/offset+octet-stream', 'Tus-Resumable: 1.0.0', 'Upload-Offset: 0']),
  ]
  let unsent = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body])
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data() {},
      drain(socket) {
        unsent = unsent.subarray(socket.write(unsent))
      },
    },
  })
  unsent = unsent.subarray(socket.write(unsent))
  return socket
}
