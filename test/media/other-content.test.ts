import { expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { recognizeOther } from '../../src/media/other-content.ts'
import { fixture } from '../support/recordings.ts'

const webm = await readFile(fixture('speech.webm'))
const ogg = await readFile(fixture('speech.ogg'))
const cluster = webm.indexOf(Buffer.from([0x1f, 0x43, 0xb6, 0x75]))
const box = (type: string) => Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from(type), Buffer.alloc(16)])

test.each<[string, Uint8Array, string]>([
  ['a slice that begins with a cluster', webm.subarray(cluster), 'beginning of the recording is missing'],
  ['a slice that begins with a block', Buffer.from('a3418281000080', 'hex'), 'beginning of the recording'],
  [
    'a slice of an ogg file',
    ogg.subarray(ogg.indexOf('OggS', 8_000)),
    'beginning of the recording is missing',
  ],
  ['a fragment of an mp4', box('moof'), 'beginning of the recording is missing'],
  ['a segment of an mp4', box('styp'), 'beginning of the recording is missing'],
  ['a web page', Buffer.from('\n<!DOCTYPE html>\n<html lang="en">'), 'is a web page'],
  ['an error of a storage service', Buffer.from('<?xml version="1.0"?><Error/>'), 'is an XML document'],
  ['an error of an API', Buffer.from('{"error": "not found"}'), 'is JSON'],
  ['a letter', Buffer.from('Sehr geehrte Damen, grüß Gott!\n'.repeat(100)), 'is text'],
  ['a picture', Buffer.from('89504e470d0a1a0a0000000d4948445200000001', 'hex'), 'is of type image/png'],
  ['a document', Buffer.from('%PDF-1.4\n%\xe2\xe3\xcf\xd3\n', 'latin1'), 'is of type application/pdf'],
])('%s is named', async (_what, bytes, sentence) => {
  expect(await recognizeOther(bytes)).toMatchObject({
    code: 'unsupported_type',
    message: expect.stringContaining(sentence),
  })
})

test.each<[string, Uint8Array]>([
  ['a recording', webm],
  ['headerless pcm', (await readFile(fixture('speech.wav'))).subarray(44)],
  ['no bytes', new Uint8Array()],
])('%s is left to the decoder', async (_what, bytes) => {
  expect(await recognizeOther(bytes)).toBeNull()
})
