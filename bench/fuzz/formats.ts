/** How a format is made of the fixtures by the decoder's own package; the result is the same on every machine. */
export type Recipe = { name: string; from: string[]; args: string[] }

const copy = ['-c', 'copy']

export const RECIPES: Recipe[] = [
  {
    name: 'stereo-24.wav',
    from: ['speech.wav'],
    args: ['-ac', '2', '-ar', '48000', '-c:a', 'pcm_s24le', '-f', 'wav'],
  },
  { name: 'adpcm.wav', from: ['speech.wav'], args: ['-c:a', 'adpcm_ms', '-f', 'wav'] },
  { name: 'w64', from: ['speech.wav'], args: ['-f', 'w64'] },
  { name: 'aiff', from: ['speech.wav'], args: ['-f', 'aiff'] },
  { name: 'caf', from: ['speech.wav'], args: ['-c:a', 'alac', '-f', 'caf'] },
  { name: 'opus', from: ['speech.webm'], args: [...copy, '-f', 'ogg'] },
  { name: 'flac.ogg', from: ['speech.flac'], args: [...copy, '-f', 'ogg'] },
  { name: 'aac', from: ['speech.m4a'], args: [...copy, '-f', 'adts'] },
  { name: 'alac.m4a', from: ['speech.wav'], args: ['-c:a', 'alac', '-f', 'ipod'] },
  { name: 'pcm.mov', from: ['speech.wav'], args: ['-c:a', 'pcm_s16le', '-f', 'mov'] },
  {
    name: 'fragmented.mp4',
    from: ['speech.m4a'],
    args: [
      ...copy,
      '-movflags',
      'frag_keyframe+empty_moov+default_base_moof',
      '-frag_duration',
      '500000',
      '-f',
      'mp4',
    ],
  },
  { name: '3gp', from: ['speech.m4a'], args: [...copy, '-f', '3gp'] },
  { name: 'mov', from: ['speech.mp4'], args: [...copy, '-f', 'mov'] },
  { name: 'mkv', from: ['speech.mp4'], args: [...copy, '-f', 'matroska'] },
  {
    name: 'avi',
    from: ['speech.mp4', 'speech.mp3'],
    args: ['-map', '0:v', '-map', '1:a', ...copy, '-f', 'avi'],
  },
  { name: 'ts', from: ['speech.mp4'], args: [...copy, '-f', 'mpegts'] },
  { name: 'wma', from: ['speech.wav'], args: ['-ar', '44100', '-c:a', 'wmav2', '-f', 'asf'] },
  { name: 'ac3', from: ['speech.wav'], args: ['-ar', '48000', '-c:a', 'ac3', '-f', 'ac3'] },
  { name: 'eac3', from: ['speech.wav'], args: ['-ar', '48000', '-c:a', 'eac3', '-f', 'eac3'] },
]

const MUXERS: Record<string, string> = {
  ...{ wav: 'wav', w64: 'w64', aiff: 'aiff', aif: 'aiff', caf: 'caf', flac: 'flac', mp3: 'mp3', aac: 'adts' },
  ...{
    m4a: 'ipod',
    mp4: 'mp4',
    mov: 'mov',
    webm: 'webm',
    mkv: 'matroska',
    ogg: 'ogg',
    opus: 'ogg',
    wma: 'asf',
  },
}

/** Cuts the first seconds out of a recording, its sound untouched; null where its kind is not known. */
export function clipOf(name: string): Recipe | null {
  const muxer = MUXERS[name.split('.').at(-1)?.toLowerCase() ?? '']
  return muxer ? { name, from: [name], args: ['-map', '0:a:0', ...copy, '-f', muxer] } : null
}
