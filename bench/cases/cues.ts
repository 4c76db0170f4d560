type Cue = { number: string; start: number; end: number; lines: string[] }

/** The faults of subtitles in SubRip and WebVTT, in sentences. Only WebVTT names the voice of a cue. */
export function faultsOfCues(srt: string, vtt: string): string[] {
  const [srtCues, vttCues] = [parseCues(srt), parseCues(vtt)]
  return [
    ...srtCues.flatMap(({ number }, index) =>
      number === String(index + 1) ? [] : [`srt cue ${index + 1} has the number "${number}"`],
    ),
    ...(vtt.replace(/^\uFEFF/, '').startsWith('WEBVTT') ? [] : ['the vtt does not start with WEBVTT']),
    ...faultsOfTimes('srt', srtCues),
    ...faultsOfTimes('vtt', vttCues),
    ...vttCues.flatMap((cue, index) =>
      vttCues.slice(0, index).some((earlier) => earlier.end > cue.start && shareVoice(cue, earlier))
        ? [`vtt cue ${index + 1} overlaps an earlier cue of the same voice`]
        : [],
    ),
  ]
}

function faultsOfTimes(format: string, cues: Cue[]): string[] {
  return cues.flatMap(({ start, end }, index) => {
    const name = `${format} cue ${index + 1}`
    return [
      ...(end > start ? [] : [`${name} does not end after its start`]),
      ...(start < (cues[index - 1]?.start ?? 0) ? [`${name} starts before its predecessor`] : []),
    ]
  })
}

/** Cues without a voice belong to one unnamed voice. */
function shareVoice(cue: Cue, earlier: Cue): boolean {
  const voices = voicesOf(cue)
  return voicesOf(earlier).some((voice) => voices.includes(voice))
}

function voicesOf({ lines }: Cue): string[] {
  const voices = [...lines.join('\n').matchAll(/<v(?:\.[^ >]*)? ([^>]*)>/g)].map(([, voice]) => voice ?? '')
  return voices.length > 0 ? voices : ['']
}

function parseCues(text: string): Cue[] {
  return text.split(/\r?\n\r?\n/).flatMap((block) => {
    const lines = block.split(/\r?\n/).filter(Boolean)
    const at = lines.findIndex((line) => line.includes(' --> '))
    if (at < 0) return []
    const [start = '', end = ''] = (lines[at] ?? '').split(' --> ')
    return [
      {
        number: lines[at - 1] ?? '',
        start: secondsOf(start),
        end: secondsOf(end),
        lines: lines.slice(at + 1),
      },
    ]
  })
}

/** `01:02:03,500` or `02:03.500`; settings may follow. */
function secondsOf(clock: string): number {
  const parts = (clock.trim().split(' ')[0] ?? '').replace(',', '.').split(':').map(Number)
  return parts.reduce((total, part) => total * 60 + part, 0)
}
