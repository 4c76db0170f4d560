import { randomFrom } from '../../test/seeded.ts'
import {
  type Action,
  awaited,
  bad,
  canceled,
  clip,
  deleted,
  key,
  long,
  next,
  passing,
  reading,
  repeated,
  searching,
  session,
  webhooks,
} from './actions.ts'
import { type Client, openClient, Unexpected, type World } from './client.ts'
import {
  abandoned,
  beforeTheAnswer,
  inTheMiddle,
  openai,
  whileListening,
  whilePlaying,
  whileWaiting,
} from './disconnects.ts'
import { follow, settle } from './following.ts'
import { enter, upload } from './uploading.ts'

/** How often each is done beside the others. */
const MIX: [weight: number, action: Action][] = [
  [22, clip],
  [5, long],
  [10, bad],
  [4, awaited],
  [4, repeated],
  [7, canceled],
  [4, deleted],
  [8, reading],
  [5, searching],
  [3, session],
  [3, key],
  [3, passing],
  [2, webhooks],
  [5, inTheMiddle],
  [3, abandoned],
  [4, whileListening],
  [3, whileWaiting],
  [3, beforeTheAnswer],
  [4, whilePlaying],
  [7, openai],
]

/** Between two things that a client does, on average. */
const PAUSE_MS = 1500

/** Each recording by itself, so that it is known how it ends when nothing else is going on. */
export async function undisturbed(world: World, seed: number): Promise<void> {
  const client = await openClient(world, randomFrom(seed))
  for (const recording of [...world.clips, ...world.bad, ...world.longs]) {
    if (world.ending.aborted) return
    const entry = enter(client, recording)
    const id = await upload(client, { recording, entry, way: 'form' })
    if (id !== null) await settle(client, entry, await follow(client, id))
  }
}

/** So many clients, each at one thing after another until `ending` fires; what they are at then, they finish. */
export async function load(
  world: World,
  { clients, seed }: { clients: number; seed: number },
): Promise<void> {
  const each = Array.from({ length: clients }, async (_, index) => {
    const client = await openClient(world, randomFrom(seed * 1000 + index))
    while (!world.ending.aborted) {
      await next(client, MIX).catch((error) => told(client, error))
      await Bun.sleep(PAUSE_MS * (0.5 + client.random()))
    }
  })
  await Promise.all(each)
}

function told({ tally }: Client, error: unknown): void {
  if (error instanceof Unexpected) return
  tally.fault('broken off', error instanceof Error ? `${error.stack}` : String(error))
}
