import type { Settings } from './config.ts'

const REGISTRATION: Record<Settings['REGISTRATION'], string> = {
  first:
    'only the first account can be registered, as an administrator; set REGISTRATION=open to allow others',
  open: 'anyone who reaches the service can register; set REGISTRATION=first or closed to prevent it',
  closed: 'nobody can register; set REGISTRATION=first or open to allow it',
}

/**
 * The console's banner when the service is ready: addresses, who can register, and commands to paste into a
 * shell.
 */
export function quickstart(url: string, { HOST, REGISTRATION: registration }: Settings): string {
  return `Verbatim is ready
  Page      ${url}/
  Swagger   ${url}/swagger
  Address   ${HOST} (HOST)
  Accounts  ${REGISTRATION[registration]}
  To transcribe a recording, paste these commands. If you have an account, replace register with login:

TOKEN=$(curl -s ${url}/api/auth/register -H 'Content-Type: application/json' \\
  -d '{"email":"you@example.com","password":"correct horse battery"}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
ID=$(curl -s ${url}/api/transcribe/ -H "Authorization: Bearer $TOKEN" \\
  -F audio=@recording.mp3 -F language=auto | sed 's/.*"transcription_id":"\\([^"]*\\)".*/\\1/')
curl -s ${url}/api/transcriptions/$ID/ -H "Authorization: Bearer $TOKEN"
curl -s "${url}/api/transcriptions/$ID/transcript?format=srt" -H "Authorization: Bearer $TOKEN"
`
}
