/** The used part of `@ffmpeg/core` 0.12. The package has no types and may be absent. */
declare module '@ffmpeg/core' {
  export type CoreNode = {
    id: number
    mode: number
    nlink: number
    contents: Record<string, CoreNode>
    node_ops: Record<string, (node: CoreNode) => unknown>
    stream_ops: CoreStreamOps
  }

  export type CoreStream = { position: number; seekable: boolean }

  export type CoreStreamOps = {
    open?(stream: CoreStream): void
    close?(stream: CoreStream): void
    llseek?(stream: CoreStream, offset: number, whence: number): number
    read?(stream: CoreStream, heap: Int8Array, offset: number, length: number, position: number): number
    write?(stream: CoreStream, heap: Int8Array, offset: number, length: number, position: number): number
  }

  export type CoreFs = {
    ErrnoError: new (errno: number) => Error
    mkdir(path: string): void
    writeFile(path: string, data: string | Uint8Array): void
    lookupPath(path: string): { node: CoreNode }
    createNode(parent: CoreNode, name: string, mode: number, device: number): CoreNode
    makedev(major: number, minor: number): number
    registerDevice(device: number, ops: CoreStreamOps): void
    mkdev(path: string, mode: number, device: number): void
  }

  export type FFmpegCore = {
    FS: CoreFs
    /** Runs `ffmpeg` and returns its exit status; at most once, and before or after any `ffprobe`. */
    exec(...args: string[]): number
    /** Runs `ffprobe`. The returned number has no meaning. */
    ffprobe(...args: string[]): number
    setLogger(logger: (line: { type: 'stdout' | 'stderr'; message: string }) => void): void
  }

  export default function createFFmpegCore(options: {
    instantiateWasm(
      imports: WebAssembly.Imports,
      done: (instance: WebAssembly.Instance) => void,
    ): Record<string, never>
  }): Promise<FFmpegCore>
}
