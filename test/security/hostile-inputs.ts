export type Tokens = { access: string; key: string }

/** A request of at most 1 MiB, and the expected status of the response. */
export type Hostile = { name: string; status: number } & (
  | { path: string; init: () => RequestInit }
  /** The raw bytes of the request. */
  | { bytes: () => string }
)

const ID = '123e4567-e89b-12d3-a456-426614174000'
const MIB = 1024 * 1024

const nested = (levels: number, open: string, close: string, inside = '1') =>
  open.repeat(levels) + inside + close.repeat(levels)
const objects = (levels: number) => nested(levels, '{"a":', '}')
const lists = (levels: number) => nested(levels, '[', ']')

const OTHER_MEMBERS = '5,000 members of other names'

/** JSON of up to 64 KiB, the limit of every route with a JSON body. */
const JSON_BODIES: [name: string, body: (field: string) => string][] = [
  ['objects nested 10,800 deep', (field) => `{"${field}":${objects(10_800)}}`],
  ['lists nested 32,000 deep', (field) => `{"${field}":${lists(32_000)}}`],
  [
    'lists nested 8 deep, of 20,000 numbers',
    (field) => `{"${field}":${nested(7, '[', ']', Array(20_000).fill(1).join())}}`,
  ],
  ['a list of 30,000 numbers', (field) => `{"${field}":[${Array(30_000).fill(1).join()}]}`],
  ['a list of 16,000 lists', (field) => `{"${field}":[${Array(16_000).fill('[]').join()}]}`],
  [
    'an object of 5,000 members',
    (field) => `{"${field}":{${Array.from({ length: 5_000 }, (_, at) => `"${at}":1`).join()}}}`,
  ],
  [OTHER_MEMBERS, () => `{${Array.from({ length: 5_000 }, (_, at) => `"${at}":1`).join()}}`],
  ['a text of 60,000 letters', (field) => `{"${field}":"${'a'.repeat(60_000)}"}`],
  ['a text of 60,000 backslashes', (field) => `{"${field}":"${'\\'.repeat(60_000)}"}`],
  ['no text that ends', (field) => `{"${field}":"${'[{'.repeat(30_000)}`],
]

type JsonRoute = [
  method: string,
  path: string,
  /** A field that the route reads. */
  field: string,
  token: keyof Tokens | null,
  /** The status for unknown members, if they are not an error. */
  unknownMembers?: number,
]

const JSON_ROUTES: JsonRoute[] = [
  ['POST', '/api/auth/register', 'email', null],
  ['POST', '/api/auth/login', 'password', null],
  ['POST', '/api/auth/refresh', 'refresh_token', null],
  ['POST', '/api/auth/logout', 'refresh_token', null],
  ['POST', '/api/auth/password', 'new_password', 'access'],
  ['DELETE', '/api/auth/me', 'password', 'access', 403],
  ['POST', '/api/auth/keys', 'scopes', 'access'],
  ['POST', '/api/webhooks', 'url', 'key'],
  ['PATCH', `/api/webhooks/${ID}`, 'events', 'key', 404],
  ['POST', '/api/transcribe', 'audio_url', 'key'],
]

export function hostileInputs(tokens: Tokens): Hostile[] {
  return [
    ...jsonInputs(tokens),
    ...formInputs(tokens),
    ...chunkedInputs(tokens),
    ...headerInputs(tokens),
    ...queryInputs(tokens),
  ]
}

function jsonInputs(tokens: Tokens): Hostile[] {
  return JSON_ROUTES.flatMap(([method, path, field, token, unknownMembers = 400]) =>
    JSON_BODIES.map(([name, body]) => ({
      name: `${method} ${path}: ${name}`,
      path,
      status: name === OTHER_MEMBERS ? unknownMembers : 400,
      init: () => ({
        method,
        headers: { 'content-type': 'application/json', ...(token && bearer(tokens[token])) },
        body: body(field),
      }),
    })),
  ).concat([
    {
      name: 'POST /api/auth/login: 1 MiB of JSON',
      path: '/api/auth/login',
      status: 413,
      init: () => ({
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: `{"a":"${'a'.repeat(MIB - 10)}"}`,
      }),
    },
    {
      name: 'POST /api/auth/keys: a list of 30,000 numbers, without a token',
      path: '/api/auth/keys',
      status: 401,
      init: () => ({
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: `{"name":"a","scopes":[${Array(30_000).fill(1).join()}]}`,
      }),
    },
    {
      name: 'PATCH /api/admin/users/…: JSON nested deep, without a token',
      path: `/api/admin/users/${ID}`,
      status: 400,
      init: () => ({
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: objects(10_800),
      }),
    },
  ])
}

const BOUNDARY = 'a'.repeat(70)
const FORM_ROUTES: [path: string, file: string][] = [
  ['/api/transcribe', 'audio'],
  ['/v1/audio/transcriptions', 'file'],
  ['/v1/audio/translations', 'file'],
]

function formInputs({ key }: Tokens): Hostile[] {
  return FORM_ROUTES.flatMap(([path, file]): Hostile[] => {
    const form = (name: string, status: number, body: () => string): Hostile => ({
      name: `POST ${path}: ${name}`,
      path,
      status,
      init: () => ({
        method: 'POST',
        headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, ...bearer(key) },
        body: body(),
      }),
    })
    const part = (disposition: string, text = '') =>
      `--${BOUNDARY}\r\nContent-Disposition: ${disposition}\r\n\r\n${text}\r\n`
    const end = `--${BOUNDARY}--\r\n`
    const field = (name: string, text: string) => part(`form-data; name="${name}"`, text)
    const audio = (text: string) => part(`form-data; name="${file}"; filename="a"`, text)
    return [
      form(
        '31 names of 45 backslashes, not closed',
        400,
        () => part(`form-data; name=a; f="${'\\'.repeat(45)}`).repeat(31) + end,
      ),
      form(
        '8 names of 2,000 backslashes, not closed',
        400,
        () => part(`form-data; name=a; f="${'\\'.repeat(2000)}`).repeat(8) + end,
      ),
      form('a name of 7,000 pairs', 400, () => part(`form-data; name=a${';a='.repeat(2300)}`) + end),
      form('a name of 7,000 spaces', 400, () => part(`form-data; ${' '.repeat(7000)}name`) + end),
      form('a head of 64 KiB', 400, () => part(`form-data; name="${'a'.repeat(65_000)}"`) + end),
      form('1 MB of the boundary’s letter', 400, () => 'a'.repeat(1_000_000)),
      form('1 MB of line ends', 400, () => '\r\n'.repeat(500_000)),
      form('1 MB of carriage returns', 400, () => '\r'.repeat(1_000_000)),
      form('14,000 boundaries but for their last letter', 400, () =>
        `\r\n--${BOUNDARY.slice(1)}`.repeat(14_000),
      ),
      form('14,000 boundaries', 400, () => `\r\n--${BOUNDARY}`.repeat(14_000)),
      form('a delimiter and 1 MB of spaces', 400, () => `--${BOUNDARY}${' '.repeat(1_000_000)}`),
      form(
        '15 fields of 65,000 commas',
        400,
        () =>
          field('timestamp_granularities[]', ','.repeat(65_000)).repeat(15) +
          field('response_format', 'verbose_json') +
          audio('') +
          end,
      ),
      form('15 fields of 65,000 letters', 400, () => field('language', 'a'.repeat(65_000)).repeat(15) + end),
      form('40 parts', 400, () => field('a', 'a').repeat(40) + end),
      form('a file of 1 MB of zeros', 415, () => audio('\0'.repeat(1_000_000)) + end),
      form('a file of 1 MB of the boundary’s letter', 415, () => audio('a'.repeat(1_000_000)) + end),
      form('a file of 1 MB of ID3 tags', 415, () => audio('ID3\x04\0\0\0\0\0\0'.repeat(100_000)) + end),
    ]
  }).concat([
    {
      name: 'PUT /api/transcribe: a name of 60 backslashes, not closed',
      path: '/api/transcribe',
      status: 415,
      init: () => ({
        method: 'PUT',
        headers: { ...bearer(key), 'content-disposition': `a; f="${'\\'.repeat(60)}` },
        body: 'no audio',
      }),
    },
    {
      name: 'PUT /api/transcribe: a name of 10,000 backslashes, not closed',
      path: '/api/transcribe',
      status: 415,
      init: () => ({
        method: 'PUT',
        headers: { ...bearer(key), 'content-disposition': `a; f="${'\\'.repeat(10_000)}` },
        body: 'no audio',
      }),
    },
    {
      name: 'POST /api/transcribe: a URL of 60,000 letters',
      path: '/api/transcribe',
      status: 400,
      init: () => ({
        method: 'POST',
        headers: { ...bearer(key), 'content-type': 'application/json' },
        body: JSON.stringify({ audio_url: `https://${'a.'.repeat(30_000)}example/` }),
      }),
    },
    {
      name: 'POST /api/transcribe: a URL of 60,000 colons',
      path: '/api/transcribe',
      status: 400,
      init: () => ({
        method: 'POST',
        headers: { ...bearer(key), 'content-type': 'application/json' },
        body: JSON.stringify({ audio_url: `https://[${':'.repeat(60_000)}]/` }),
      }),
    },
  ])
}

/** An upload that is refused at the last step, because its content is not audio. */
export function ordinaryUpload({ key }: Tokens): Hostile {
  const form = new FormData()
  form.set('audio', new Blob(['no audio']), 'speech.mp3')
  return {
    name: 'an ordinary upload',
    path: '/api/transcribe',
    status: 415,
    init: () => ({ method: 'POST', headers: bearer(key), body: form }),
  }
}

/** Bodies with one chunk for each byte: 170,000 chunks in 1 MiB. */
function chunkedInputs({ key }: Tokens): Hostile[] {
  const chunked = (name: string, status: number, head: string, body: string): Hostile => ({
    name: `${head}: ${name}, byte by byte`,
    status,
    bytes: () =>
      [
        `${head} HTTP/1.1`,
        'Host: localhost',
        `Authorization: Bearer ${key}`,
        'Transfer-Encoding: chunked',
        'Connection: close',
        body.startsWith('{')
          ? 'Content-Type: application/json'
          : `Content-Type: multipart/form-data; boundary=b`,
        `\r\n${[...body].map((byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`,
      ].join('\r\n'),
  })
  const file = (name: string) => `--b\r\nContent-Disposition: form-data; name="${name}"; filename="a"\r\n\r\n`
  return [
    chunked('JSON', 400, 'POST /api/auth/refresh', `{"a":"${'a'.repeat(60_000)}"}`),
    chunked('JSON', 400, 'POST /api/transcribe', `{"a":"${'a'.repeat(60_000)}"}`),
    chunked('a form', 415, 'POST /api/transcribe', `${file('audio')}${'a'.repeat(160_000)}\r\n--b--\r\n`),
    chunked(
      'a form',
      415,
      'POST /v1/audio/transcriptions',
      `${file('file')}${'a'.repeat(160_000)}\r\n--b--\r\n`,
    ),
    chunked(
      'a body that nobody reads',
      404,
      `POST /api/transcriptions/${ID}/cancel`,
      `{"a":${'['.repeat(160_000)}`,
    ),
  ]
}

const LONG = 14_000
const HEADERS: [
  name: string,
  method: string,
  path: string,
  status: number,
  headers: Record<string, string>,
][] = [
  [
    'Accept of 4,600 types',
    'GET',
    `/api/transcriptions/${ID}/transcript`,
    406,
    { accept: 'a/b,'.repeat(LONG / 4) },
  ],
  [
    'Accept of 14,000 commas',
    'GET',
    `/api/transcriptions/${ID}/transcript`,
    404,
    { accept: ','.repeat(LONG) },
  ],
  [
    'Range of thousands',
    'GET',
    `/api/transcriptions/${ID}/audio?expires=1&signature=a`,
    404,
    { range: `bytes=${'0-1,'.repeat(LONG / 4)}` },
  ],
  [
    'Range of 14,000 digits',
    'GET',
    `/api/transcriptions/${ID}/audio?expires=1&signature=a`,
    404,
    { range: `bytes=${'9'.repeat(LONG)}-` },
  ],
  [
    'If-None-Match of thousands',
    'GET',
    `/api/transcriptions/${ID}/audio?expires=1&signature=a`,
    404,
    { 'if-none-match': 'W/"a",'.repeat(LONG / 6) },
  ],
  ['Prefer of waits', 'GET', `/api/transcriptions/${ID}`, 404, { prefer: 'wait ='.repeat(LONG / 6) }],
  ['Prefer of spaces', 'GET', `/api/transcriptions/${ID}`, 404, { prefer: `wait${' '.repeat(LONG)}x` }],
  [
    'Last-Event-ID of 14,000 digits',
    'GET',
    `/api/transcriptions/${ID}/events`,
    404,
    { 'last-event-id': '9'.repeat(LONG) },
  ],
  [
    'X-Request-Id of 14,000 letters',
    'GET',
    `/api/transcriptions/${ID}`,
    404,
    { 'x-request-id': 'a'.repeat(LONG) },
  ],
  ['cookies', 'GET', `/api/transcriptions/${ID}`, 404, { cookie: 'a=%7B;'.repeat(LONG / 6) }],
  [
    'Idempotency-Key of 14,000 quotes',
    'POST',
    '/api/transcribe',
    400,
    { 'idempotency-key': '"'.repeat(LONG) },
  ],
  [
    'Upload-Metadata of 7,000 names',
    'POST',
    '/api/uploads',
    400,
    { 'upload-length': '5', 'upload-metadata': 'a ,'.repeat(LONG / 3) },
  ],
  [
    'Upload-Metadata of 14,000 commas',
    'POST',
    '/api/uploads',
    400,
    { 'upload-length': '5', 'upload-metadata': ','.repeat(LONG) },
  ],
  [
    'Upload-Metadata of base64',
    'POST',
    '/api/uploads',
    400,
    { 'upload-length': '5', 'upload-metadata': `a ${'A'.repeat(LONG)}=` },
  ],
  ['Upload-Length of 14,000 digits', 'POST', '/api/uploads', 400, { 'upload-length': '9'.repeat(LONG) }],
  [
    'Content-Type of 14,000 semicolons',
    'POST',
    '/api/transcribe',
    400,
    { 'content-type': `multipart/form-data${'; '.repeat(LONG / 2)}` },
  ],
  [
    'a traceparent of 14,000 letters',
    'GET',
    `/api/transcriptions/${ID}`,
    404,
    { traceparent: '0-'.repeat(LONG / 2) },
  ],
]

function headerInputs({ key }: Tokens): Hostile[] {
  const withKey = HEADERS.map(
    ([name, method, path, status, headers]): Hostile => ({
      name,
      path,
      status,
      init: () => ({
        method,
        headers: { ...bearer(key), ...headers },
        ...(method === 'POST' && { body: 'x' }),
      }),
    }),
  )
  return [...withKey, ...tokenInputs()]
}

const base64url = (text: string) => Buffer.from(text).toString('base64url')

function tokenInputs(): Hostile[] {
  const as = (name: string, authorization: string): Hostile => ({
    name: `Authorization: ${name}`,
    path: `/api/transcriptions/${ID}`,
    status: 401,
    init: () => ({ headers: { authorization } }),
  })
  return [
    as('spaces', `Bearer${' '.repeat(LONG)}`),
    as('dots', `Bearer ${'.'.repeat(LONG)}`),
    as('letters', `Bearer ${'a'.repeat(LONG)}`),
    as('a key of 14,000 letters', `Bearer vk_${'a'.repeat(LONG)}`),
    as('a header nested deep', `Bearer ${base64url(`{"alg":"HS256","kid":${lists(5000)}}`)}.e30.e30`),
    as(
      'a payload nested deep',
      `Bearer ${base64url('{"alg":"HS256"}')}.${base64url(`{"sub":${lists(4900)}}`)}.${base64url('a'.repeat(32))}`,
    ),
    as(
      'a header of 900 members',
      `Bearer ${base64url(`{${Array.from({ length: 900 }, (_, at) => `"${at}":1`).join()}}`)}.e30.e30`,
    ),
  ]
}

function queryInputs({ key }: Tokens): Hostile[] {
  const ask = (name: string, path: string, status = 400): Hostile => ({
    name,
    path,
    status,
    init: () => ({ headers: bearer(key) }),
  })
  const list = (query: string) => `/api/transcriptions?${query}`
  return [
    ask('3,500 parameters', list(`limit=x${'&a=b'.repeat(3500)}`)),
    ask('3,500 times the same parameter', list('limit=x&'.repeat(1700))),
    ask('a limit of 14,000 digits', list(`limit=${'9'.repeat(LONG)}`)),
    ask('a limit nested deep', list(`limit=${'['.repeat(LONG)}`)),
    ask('a search for 4,000 quotes', list(`q=${'"'.repeat(4000)}`)),
    ask('a search for 200 operators', list(`q=${encodeURIComponent('&|!():*<-'.repeat(22))}`), 200),
    ask('14,000 percent signs', list(`limit=${'%'.repeat(LONG)}`)),
    ask(
      'a cursor of the year 0',
      list(`cursor=${btoa(`0000-01-01T00:00:00.000000Z/${ID}`).replaceAll('=', '')}`),
    ),
    ask(
      'a cursor of the 31st of February',
      list(`cursor=${btoa(`2026-02-31T00:00:00.000000Z/${ID}`).replaceAll('=', '')}`),
    ),
    ask(
      'a cursor of hour 24',
      list(`cursor=${btoa(`2026-02-01T24:00:00.000000Z/${ID}`).replaceAll('=', '')}`),
    ),
    ask('a cursor of 200 letters', list(`cursor=${'A'.repeat(200)}`)),
    ask('a time of February 31st', list('created_from=2026-02-31T00:00:00Z')),
    ask('a waveform of 1e400 samples', `/api/transcriptions/${ID}/waveform?samples_per_pixel=1e400`),
    ask('a link that expires at 1e300', `/api/transcriptions/${ID}/audio?expires=1e300&signature=a`, 404),
    ask('an id of 14,000 letters', `/api/transcriptions/${'a'.repeat(LONG)}`, 404),
    ask('a path of 14,000 slashes', `/${'/'.repeat(LONG)}`, 404),
    ask('a path of 7,000 folders', `/${'a/'.repeat(LONG / 2)}`, 404),
    ask('a model of 14,000 letters', `/v1/models/${'a'.repeat(LONG)}`, 404),
  ]
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
