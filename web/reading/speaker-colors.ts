/** How many colours `reading.css` has. More speakers share them: each is named as well. */
const COLORS = 8

export const speakerColorName = (index: number) => `--speaker-${(index % COLORS) + 1}`

/** For a canvas, in the present theme. */
export const speakerColor = (index: number) =>
  getComputedStyle(document.documentElement).getPropertyValue(speakerColorName(index))
