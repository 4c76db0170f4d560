/** The arguments with which ffmpeg makes a format from fixtures; the result is the same on every machine. */
export type Recipe = { name: string; from: string[]; args: string[] }

/** Name, source files, arguments. */
const TABLE = `
stereo-24.wav  | speech.wav            | -ac 2 -ar 48000 -c:a pcm_s24le -f wav
adpcm.wav      | speech.wav            | -c:a adpcm_ms -f wav
w64            | speech.wav            | -f w64
aiff           | speech.wav            | -f aiff
caf            | speech.wav            | -c:a alac -f caf
opus           | speech.webm           | -c copy -f ogg
flac.ogg       | speech.flac           | -c copy -f ogg
aac            | speech.m4a            | -c copy -f adts
alac.m4a       | speech.wav            | -c:a alac -f ipod
pcm.mov        | speech.wav            | -c:a pcm_s16le -f mov
fragmented.mp4 | speech.m4a            | -c copy -movflags frag_keyframe+empty_moov+default_base_moof -frag_duration 500000 -f mp4
3gp            | speech.m4a            | -c copy -f 3gp
mov            | speech.mp4            | -c copy -f mov
mkv            | speech.mp4            | -c copy -f matroska
avi            | speech.mp4 speech.mp3 | -map 0:v -map 1:a -c copy -f avi
ts             | speech.mp4            | -c copy -f mpegts
wma            | speech.wav            | -ar 44100 -c:a wmav2 -f asf
ac3            | speech.wav            | -ar 48000 -c:a ac3 -f ac3
eac3           | speech.wav            | -ar 48000 -c:a eac3 -f eac3
flv            | speech.m4a            | -c copy -f flv
mpg            | speech.wav            | -ar 44100 -c:a mp2 -f mpeg
vob            | speech.wav            | -ar 48000 -c:a ac3 -f vob
loas           | speech.m4a            | -c copy -f latm
au             | speech.wav            | -c:a pcm_mulaw -f au
tta            | speech.wav            | -f tta
wv             | speech.wav            | -f wv
dts            | speech.wav            | -ar 48000 -strict -2 -c:a dca -f dts
mlp            | speech.wav            | -ar 48000 -ac 2 -strict -2 -c:a mlp -f mlp
truehd         | speech.wav            | -ar 48000 -ac 2 -strict -2 -c:a truehd -f truehd
voc            | speech.wav            | -f voc
rm             | speech.wav            | -ar 44100 -c:a ac3 -f rm
nut            | speech.ogg            | -c copy -f nut
mxf            | speech.wav            | -ar 48000 -c:a pcm_s16le -f mxf_opatom
ircam          | speech.wav            | -f ircam
sox            | speech.wav            | -f sox
rf64           | speech.wav            | -rf64 always -f wav
two-tracks.mkv | speech.wav speech.mp3 | -map 0:a -map 1:a -c copy -f matroska
16-channels    | speech.wav            | -af pan=hexadecagonal|c0=c0|c15=c0 -f wav
surround.ac3   | speech.wav            | -ac 6 -ar 48000 -c:a ac3 -f ac3`

export const RECIPES: Recipe[] = TABLE.trim()
  .split('\n')
  .map((line) => {
    const [name = '', from = '', args = ''] = line.split(' | ').map((cell) => cell.trim())
    return { name, from: from.split(' '), args: args.split(' ') }
  })
