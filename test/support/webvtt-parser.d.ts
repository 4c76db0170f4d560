declare module 'webvtt-parser' {
  export type Node =
    | { type: 'text'; value: string }
    | { type: 'object'; name: string; value?: string; children: Node[] }
    | { type: 'timestamp'; value: number }

  export class WebVTTParser {
    /** `entities`: the text of each HTML character reference, such as `&amp;`. */
    constructor(entities: Record<string, string>)
    parse(text: string): {
      cues: { startTime: number; endTime: number; tree: { children: Node[] } }[]
      errors: { message: string; line: number; col?: number }[]
    }
  }
}
