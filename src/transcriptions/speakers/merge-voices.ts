/** A voice of one span, which `span` identifies. `embedding` has unit length. */
export type LocalVoice = { span: unknown; seconds: number; embedding: readonly number[] }

/** How many speakers there are at least and at most; null: unknown. */
export type SpeakerCount = { minSpeakers: number | null; maxSpeakers: number | null }

/** Cosine distance up to which two voices are one speaker. Measured with bench/diarization. */
const MAX_DISTANCE = 0.6
/**
 * Added to the distance of two voices of one span: the diarization of the span has heard that they differ, also
 * if a telephone makes them similar.
 */
const APART = 0.5
/**
 * A shorter voice makes no speaker of its own: its embedding is too uncertain. The minimum is a share of all
 * speech, because someone who says a sentence in half a minute takes part, and a fragment of that length in a long
 * recording is mostly an error.
 */
const MIN_SECONDS = { least: 0.5, most: 2, share: 1 / 30 }
/** The weight of a voice in an average, in seconds. */
const WEIGHT = { least: 0.1, most: 60 }
/** Bounds memory to 18 MB and time to about a second. 24 hours have about 700 spans with 1 to 3 voices each. */
const MAX_STRONG = 1_500

/**
 * Finds the speakers among the voices of all spans. Returns the number of the speaker of each voice, from 0.
 *
 * Agglomerative clustering with average linkage, weighted by seconds. The average cosine distance of all
 * pairs of two clusters follows from the sums of their weighted embeddings. Short voices are added to the
 * nearest speaker afterwards. The result depends on the voices and their order only.
 */
export function mergeVoices(
  voices: readonly LocalVoice[],
  { minSpeakers, maxSpeakers }: SpeakerCount,
): number[] {
  const atLeast = minSpeakers ?? 1
  const atMost = maxSpeakers ?? Number.POSITIVE_INFINITY
  const strong = strongOf(voices, atLeast)
  const clusters = clustersOf(strong.map((index) => voices[index]).filter((voice) => voice !== undefined))
  joinNearest(clusters, { atLeast, atMost })
  const speakers = clusters.sums.flatMap((sum, cluster) => (clusters.isOpen[cluster] ? [unit(sum)] : []))
  const numbers = new Map<number, number>()
  for (const [cluster, isOpen] of clusters.isOpen.entries()) if (isOpen) numbers.set(cluster, numbers.size)
  const speakerOf = voices.map(() => -1)
  for (const [at, index] of strong.entries()) {
    speakerOf[index] = numbers.get(rootOf(clusters.parents, at)) ?? 0
  }
  return speakerOf.map((speaker, index) =>
    speaker >= 0 ? speaker : nearest(speakers, voices[index]?.embedding ?? []),
  )
}

/** The indexes of the voices that make speakers, in order: the long ones, or else as many as are needed. */
function strongOf(voices: readonly LocalVoice[], atLeast: number): number[] {
  const byLength = [...voices.keys()].sort((a, b) => secondsAt(voices, b) - secondsAt(voices, a) || a - b)
  const speech = voices.reduce((sum, { seconds }) => sum + seconds, 0)
  const minimum = Math.min(Math.max(speech * MIN_SECONDS.share, MIN_SECONDS.least), MIN_SECONDS.most)
  const long = byLength.filter((index) => secondsAt(voices, index) >= minimum).length
  return byLength.slice(0, Math.min(MAX_STRONG, Math.max(long, atLeast))).sort((a, b) => a - b)
}

const secondsAt = (voices: readonly LocalVoice[], index: number) => voices[index]?.seconds ?? 0

type Clusters = {
  isOpen: boolean[]
  /** The cluster that each merged cluster was added to; an open one is its own parent. */
  parents: number[]
  weights: Float64Array
  /** Sums of the weighted embeddings. */
  sums: Float64Array[]
  /** The dot product of each pair of sums, by row. */
  products: Float64Array[]
}

function clustersOf(voices: readonly LocalVoice[]): Clusters {
  const weights = Float64Array.from(voices, ({ seconds }) => weightOf(seconds))
  const sums = voices.map(({ embedding }, index) =>
    Float64Array.from(embedding, (value) => value * (weights[index] ?? 0)),
  )
  const products = sums.map(() => new Float64Array(sums.length))
  for (const [a, sum] of sums.entries()) {
    for (let b = 0; b <= a; b++) {
      const isSameSpan = a !== b && voices[a]?.span === voices[b]?.span
      const apart = isSameSpan ? APART * (weights[a] ?? 0) * (weights[b] ?? 0) : 0
      const product = dot(sum, sums[b] ?? []) - apart
      set(products[a], b, product)
      set(products[b], a, product)
    }
  }
  return { isOpen: voices.map(() => true), parents: [...voices.keys()], weights, sums, products }
}

/** Merges the two nearest clusters again and again, until their distance and number say to stop. */
function joinNearest(clusters: Clusters, { atLeast, atMost }: { atLeast: number; atMost: number }): void {
  const { isOpen } = clusters
  const nearestAfter = isOpen.map((_, cluster) => findNearestAfter(clusters, cluster))
  for (let open = isOpen.length; open > atLeast && open > 1; open--) {
    let best = { a: -1, b: -1, distance: Number.POSITIVE_INFINITY }
    for (const [a, found] of nearestAfter.entries()) {
      if (isOpen[a] && found.distance < best.distance) best = { a, ...found }
    }
    if (best.a < 0 || (best.distance > MAX_DISTANCE && open <= atMost)) return
    merge(clusters, best)
    for (let cluster = 0; cluster < best.b; cluster++) {
      if (!isOpen[cluster]) continue
      const known = nearestAfter[cluster]
      if (cluster === best.a || known?.b === best.a || known?.b === best.b) {
        nearestAfter[cluster] = findNearestAfter(clusters, cluster)
      } else if (known && cluster < best.a) {
        const distance = distanceOf(clusters, cluster, best.a)
        if (distance < known.distance || (distance === known.distance && best.a < known.b)) {
          nearestAfter[cluster] = { b: best.a, distance }
        }
      }
    }
  }
}

/** The nearest open cluster with a higher number; of equally near ones, the first. */
function findNearestAfter(clusters: Clusters, a: number): { b: number; distance: number } {
  let nearest = { b: -1, distance: Number.POSITIVE_INFINITY }
  for (let b = a + 1; b < clusters.isOpen.length; b++) {
    if (!clusters.isOpen[b]) continue
    const distance = distanceOf(clusters, a, b)
    if (distance < nearest.distance) nearest = { b, distance }
  }
  return nearest
}

function distanceOf({ products, weights }: Clusters, a: number, b: number): number {
  return 1 - (products[a]?.[b] ?? 0) / ((weights[a] ?? 1) * (weights[b] ?? 1))
}

/** Adds the cluster `b` to `a`. */
function merge({ isOpen, parents, weights, sums, products }: Clusters, { a, b }: { a: number; b: number }) {
  isOpen[b] = false
  parents[b] = a
  set(weights, a, (weights[a] ?? 0) + (weights[b] ?? 0))
  const [sum, added] = [sums[a], sums[b]]
  if (sum && added) for (const [index, value] of added.entries()) set(sum, index, (sum[index] ?? 0) + value)
  const [row, addedRow] = [products[a], products[b]]
  if (!row || !addedRow) return
  for (const [other, product] of addedRow.entries()) set(row, other, (row[other] ?? 0) + product)
  for (const [other, product] of row.entries()) set(products[other], a, product)
}

function rootOf(parents: readonly number[], cluster: number): number {
  let root = cluster
  for (let parent = parents[root]; parent !== undefined && parent !== root; parent = parents[root])
    root = parent
  return root
}

function set(array: Float64Array | undefined, index: number, value: number) {
  if (array) array[index] = value
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0)
  return sum
}

export const weightOf = (seconds: number) => Math.min(Math.max(seconds, WEIGHT.least), WEIGHT.most)

/** A vector scaled to unit length. */
export function unit(vector: ArrayLike<number>): number[] {
  const length = Math.sqrt(dot(vector, vector)) || 1
  return Array.from(vector, (value) => value / length)
}

/** The cosine similarity of two vectors of unit length. */
export const similarity = dot

/** The index of the most similar vector; of equally similar ones, the first. */
function nearest(vectors: readonly number[][], vector: readonly number[]): number {
  let best = { index: 0, similarity: Number.NEGATIVE_INFINITY }
  for (const [index, candidate] of vectors.entries()) {
    const found = dot(candidate, vector)
    if (found > best.similarity) best = { index, similarity: found }
  }
  return best.index
}
