import postgres from 'postgres'

const CONNECTIONS = 32

export type Commits = { what: string; commits: number; seconds: number }

/**
 * How many small transactions 32 connections commit, each of a row of its own, without a notification, and with one: Postgres
 * lets one transaction at a time commit that notifies.
 */
export async function measureCommits(url: string, seconds: number): Promise<Commits[]> {
  const sql = postgres(url, { max: CONNECTIONS, onnotice: () => {} })
  await sql`create table bench_commits (id int primary key, count int not null)`
  await sql`insert into bench_commits select id, 0 from generate_series(1, ${CONNECTIONS}::int) id`
  const measured: Commits[] = []
  try {
    for (const notifies of [false, true]) {
      const until = performance.now() + seconds * 1000
      let commits = 0
      const one = async (_: unknown, index: number) => {
        while (performance.now() < until) {
          await sql.begin(async (tx) => {
            await tx`update bench_commits set count = count + 1 where id = ${index + 1}`
            if (notifies) await tx`select pg_notify('bench', '')`
          })
          commits += 1
        }
      }
      await Promise.all(Array.from({ length: CONNECTIONS }, one))
      measured.push({ what: notifies ? 'with a notification' : 'without', commits, seconds })
    }
  } finally {
    await sql`drop table bench_commits`
    await sql.end()
  }
  return measured
}
