// The minimum that a server must do to read a status: one Elysia route with the service's prepared select. With `jose`, a JWT
// names the user; otherwise the path does.
//
//   DATABASE_URL=… JWT_SECRET=… bun bench/status/bare.ts [jose]
import { Elysia } from 'elysia'
import { jwtVerify } from 'jose'
import { connectPostgres } from '../../src/db/connect.ts'
import { prepareFindOwned } from '../../src/transcriptions/transcriptions.store.ts'

const { DATABASE_URL: url = '', JWT_SECRET: secret = '' } = process.env
const findOwned = prepareFindOwned(connectPostgres({ url }).db)
const key = new TextEncoder().encode(secret)

const app =
  process.argv[2] === 'jose'
    ? new Elysia().get('/transcriptions/:id', async ({ params: { id }, headers }) => {
        const { payload } = await jwtVerify(headers.authorization?.slice('Bearer '.length) ?? '', key)
        return findOwned({ id, userId: payload.sub ?? '' })
      })
    : new Elysia().get('/users/:userId/transcriptions/:id', ({ params }) => findOwned(params))

app.listen({ hostname: '127.0.0.1', port: 0 })
console.log(app.server?.url.origin)
