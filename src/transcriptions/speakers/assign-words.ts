import type { StoredWord } from '../../db/columns.ts'
import { SENTENCE_END } from '../transcript/line-breaking.ts'

export type SpeakerTurn = { speaker: string; start: number; end: number }

type Segment = { start: number; end: number; text: string; words: StoredWord[] | null }

/** Text of one speaker: a word, or a segment without timed words. */
type Token = { segment: number; start: number; end: number; text: string; speaker: string | null }

/** Speech this far from a turn may belong to it: the times of words and turns are not more accurate. */
const NEAR_SECONDS = 0.3

/**
 * Gives the segments of one span their speakers, and cuts them where the speaker changes. A word belongs to
 * the speaker whose turns overlap most with it, or else to the nearest turn. A segment whose words are not its
 * text is not cut. Without turns, `speaker` is null.
 */
export function cutBySpeaker<T extends Segment>(
  segments: readonly T[],
  turns: readonly SpeakerTurn[],
): (T & { speaker: string | null })[] {
  const tokens = segments.flatMap((segment, index) => tokensOf(segment, index))
  let before: string | null = null
  for (const token of tokens) {
    token.speaker = speakerOf(token, { turns, before })
    before = token.speaker
  }
  smooth(tokens)
  snapToSentences(tokens, turns)
  const bySegment = Map.groupBy(tokens, ({ segment }) => segment)
  return segments.flatMap((segment, index) => cut(segment, bySegment.get(index) ?? []))
}

const lettersOf = (text: string) => text.replace(/\s+/g, '')

function tokensOf({ start, end, text, words }: Segment, segment: number): Token[] {
  const isText = words?.length && lettersOf(words.map(({ word }) => word).join('')) === lettersOf(text)
  if (!isText) return [{ segment, start, end, text, speaker: null }]
  return words.map((word) => ({ segment, start: word.start, end: word.end, text: word.word, speaker: null }))
}

/** `before`: the speaker before, who is preferred if turns overlap equally. */
function speakerOf(
  token: Token,
  { turns, before }: { turns: readonly SpeakerTurn[]; before: string | null },
): string | null {
  const seconds = new Map<string, number>()
  let nearest: { speaker: string | null; gap: number } = { speaker: null, gap: Number.POSITIVE_INFINITY }
  for (const turn of turns) {
    const gap = gapBetween(token, turn)
    if (gap < nearest.gap || (gap === nearest.gap && turn.speaker === before)) {
      nearest = { speaker: turn.speaker, gap }
    }
    const overlap = Math.min(turn.end, token.end) - Math.max(turn.start, token.start)
    if (overlap > 0) seconds.set(turn.speaker, (seconds.get(turn.speaker) ?? 0) + overlap)
  }
  if (seconds.size === 0) return nearest.speaker
  const most = Math.max(...seconds.values())
  if (before !== null && seconds.get(before) === most) return before
  return [...seconds].find(([, value]) => value === most)?.[0] ?? null
}

/** Seconds between a token and a turn; 0 if they overlap. */
const gapBetween = (token: Token, turn: SpeakerTurn) =>
  Math.max(0, turn.start - token.end, token.start - turn.end)

const endsSentence = (token: Token | undefined) => token === undefined || SENTENCE_END.test(token.text.trim())

/** A single word between words of another speaker belongs to that one, unless it is a sentence, such as “Yes.” */
function smooth(tokens: Token[]): void {
  for (const [index, token] of tokens.entries()) {
    const [before, after] = [tokens[index - 1], tokens[index + 1]]
    if (!before || !after || before.speaker !== after.speaker || token.speaker === before.speaker) continue
    if (!(endsSentence(before) && endsSentence(token))) token.speaker = before.speaker
  }
}

/** Moves a change of speaker that is one word away from the end of a sentence to that end. */
function snapToSentences(tokens: Token[], turns: readonly SpeakerTurn[]): void {
  const isNear = (token: Token, speaker: string | null) =>
    turns.some((turn) => turn.speaker === speaker && gapBetween(token, turn) <= NEAR_SECONDS)
  for (let index = 1; index < tokens.length; index++) {
    const [earlier, last, first] = [tokens[index - 2], tokens[index - 1], tokens[index]]
    if (!last || !first || last.speaker === first.speaker || endsSentence(last)) continue
    if (endsSentence(first) && isNear(first, last.speaker)) first.speaker = last.speaker
    else if (endsSentence(earlier) && isNear(last, first.speaker)) last.speaker = first.speaker
  }
}

function cut<T extends Segment>(segment: T, tokens: Token[]): (T & { speaker: string | null })[] {
  const starts = tokens.flatMap((token, index) =>
    token.speaker === tokens[index - 1]?.speaker && index > 0 ? [] : [index],
  )
  if (starts.length <= 1) return [{ ...segment, speaker: tokens[0]?.speaker ?? null }]
  return starts.map((from, at) => {
    const until = starts[at + 1] ?? tokens.length
    const [first, last] = [tokens[from], tokens[until - 1]]
    return {
      ...segment,
      start: at === 0 ? segment.start : (first?.start ?? segment.start),
      end: until === tokens.length ? segment.end : (last?.end ?? segment.end),
      text: tokens
        .slice(from, until)
        .map(({ text }) => text)
        .join(''),
      words: segment.words?.slice(from, until) ?? null,
      speaker: first?.speaker ?? null,
    }
  })
}
