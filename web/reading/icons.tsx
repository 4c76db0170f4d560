import { Icon } from '../layout/icons.tsx'

export const CopyIcon = () => (
  <Icon>
    <path d="M9 9h11v11H9zM5 15H4V4h11v1" />
  </Icon>
)

export const DownloadIcon = () => (
  <Icon>
    <path d="M12 4v12M7 11l5 5 5-5M4 20h16" />
  </Icon>
)

export const UpIcon = () => (
  <Icon>
    <path d="M6 15l6-6 6 6" />
  </Icon>
)

export const DownIcon = () => (
  <Icon>
    <path d="M6 9l6 6 6-6" />
  </Icon>
)

export const KeyboardIcon = () => (
  <Icon>
    <path d="M3 6.5h18v11H3zM7 10h.01M10.3 10h.01M13.7 10h.01M17 10h.01M8 14h8" />
  </Icon>
)

export const BackIcon = () => (
  <Icon>
    <path d="M4 12a8 8 0 1 0 3-6.2M4 4.5v4.7h4.7" />
  </Icon>
)

export const ForwardIcon = () => (
  <Icon>
    <path d="M20 12a8 8 0 1 1-3-6.2M20 4.5v4.7h-4.7" />
  </Icon>
)

export const FollowIcon = () => (
  <Icon>
    <path d="M12 3v4M12 17v4M3 12h4M17 12h4M12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5" />
  </Icon>
)

export const CodeIcon = () => (
  <Icon>
    <path d="M8 7l-5 5 5 5M16 7l5 5-5 5" />
  </Icon>
)
