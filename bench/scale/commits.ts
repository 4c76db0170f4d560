import postgres from 'postgres'

const CONNECTIONS = 32

/**
 * The small transactions that 32 connections commit per second, each on its own row, without and with a
 * notification. Postgres serialises the commits of transactions that notify.
 */
export async function measureCommits(url: string, seconds: number): Promise<[string, number][]> {
  const sql = postgres(url, { max: CONNECTIONS, onnotice: () => {} })
  await sql`create table bench_commits (id int primary key, count int not null)`
  await sql`insert into bench_commits select id, 0 from generate_series(1, ${CONNECTIONS}::int) id`

  async function measure(notifies: boolean): Promise<number> {
    const end = performance.now() + seconds * 1000
    let commits = 0
    const run = async (_: unknown, index: number) => {
      for (; performance.now() < end; commits++) {
        await sql.begin(async (tx) => {
          await tx`update bench_commits set count = count + 1 where id = ${index + 1}`
          if (notifies) await tx`select pg_notify('bench', '')`
        })
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, run))
    return commits / seconds
  }

  try {
    return [
      ['without a notification', await measure(false)],
      ['with a notification', await measure(true)],
    ]
  } finally {
    await sql`drop table bench_commits`
    await sql.end()
  }
}
