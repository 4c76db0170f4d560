/** What the console shows once the service is ready: the addresses, and lines to paste into a shell. */
export function tour(url: string): string {
  return `Verbatim is ready
  Swagger  ${url}/swagger
  Paste these, with a recording of yours:

TOKEN=$(curl -s ${url}/api/auth/register -H 'Content-Type: application/json' \\
  -d '{"email":"you@example.com","password":"correct horse battery"}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
ID=$(curl -s ${url}/api/transcribe/ -H "Authorization: Bearer $TOKEN" \\
  -F audio=@recording.mp3 -F language=auto | sed 's/.*"transcription_id":"\\([^"]*\\)".*/\\1/')
curl -s ${url}/api/transcriptions/$ID/ -H "Authorization: Bearer $TOKEN"
curl -s "${url}/api/transcriptions/$ID/transcript?format=srt" -H "Authorization: Bearer $TOKEN"
`
}
