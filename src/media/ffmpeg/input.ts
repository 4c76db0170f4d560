import type { CoreFs } from '@ffmpeg/core'
import type { Source } from './source.ts'

/** Has no extension, so that only the bytes determine the format. */
export const INPUT = 'file:/in/a'

const READ_ONLY_FILE = 0o100444
const EINVAL = 28
const EROFS = 69

/** Makes `source` the only file that the decoder can read. */
export function mountInput(fs: CoreFs, source: Source): void {
  const { size } = source
  fs.mkdir('/in')
  const folder = fs.lookupPath('/in').node
  const node = fs.createNode(folder, 'a', READ_ONLY_FILE, 0)
  const epoch = new Date(0)
  node.node_ops = {
    getattr: () => ({
      dev: 1,
      ino: node.id,
      mode: node.mode,
      nlink: 1,
      uid: 0,
      gid: 0,
      rdev: 0,
      size,
      atime: epoch,
      mtime: epoch,
      ctime: epoch,
      blksize: 4096,
      blocks: Math.ceil(size / 4096),
    }),
    setattr: () => {},
  }
  node.stream_ops = {
    llseek(stream, offset, whence) {
      const base = whence === 1 ? stream.position : whence === 2 ? size : 0
      if (base + offset < 0) throw new fs.ErrnoError(EINVAL)
      return base + offset
    },
    read(_stream, heap, offset, length, position) {
      return source.read(heap, offset, length, position)
    },
    write() {
      throw new fs.ErrnoError(EROFS)
    },
  }
  folder.contents.a = node
}
