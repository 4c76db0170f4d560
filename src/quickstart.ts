import type { Settings } from './config.ts'

const REGISTRATION: Record<Settings['REGISTRATION'], string> = {
  first: 'the first account becomes an administrator’s, and no other can be registered (REGISTRATION=open)',
  open: 'anyone who reaches the service can register (REGISTRATION=first or closed)',
  closed: 'nobody can register (REGISTRATION=first or open)',
}

/** What the console shows once the service is ready: the addresses, who may use it, and lines to paste into a shell. */
export function quickstart(url: string, { HOST, REGISTRATION: registration }: Settings): string {
  return `Verbatim is ready
  Swagger   ${url}/swagger
  Address   ${HOST} (HOST)
  Accounts  ${REGISTRATION[registration]}
  Paste these, with a recording of yours; with an account, put login in the place of register:

TOKEN=$(curl -s ${url}/api/auth/register -H 'Content-Type: application/json' \\
  -d '{"email":"you@example.com","password":"correct horse battery"}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
ID=$(curl -s ${url}/api/transcribe/ -H "Authorization: Bearer $TOKEN" \\
  -F audio=@recording.mp3 -F language=auto | sed 's/.*"transcription_id":"\\([^"]*\\)".*/\\1/')
curl -s ${url}/api/transcriptions/$ID/ -H "Authorization: Bearer $TOKEN"
curl -s "${url}/api/transcriptions/$ID/transcript?format=srt" -H "Authorization: Bearer $TOKEN"
`
}
