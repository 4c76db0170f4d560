import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** A button that opens a panel. The panel closes after a choice, by Escape, and by a click outside. */
export function Menu({
  label,
  icon,
  children,
}: {
  label: string
  icon: ComponentChildren
  children: ComponentChildren
}) {
  const menu = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    const onPointer = ({ target }: PointerEvent) => {
      if (menu.current?.open && target instanceof Node && !menu.current.contains(target))
        menu.current.open = false
    }
    addEventListener('pointerdown', onPointer)
    return () => removeEventListener('pointerdown', onPointer)
  }, [])
  const close = () => {
    if (!menu.current?.open) return
    menu.current.open = false
    menu.current.querySelector('summary')?.focus()
  }
  return (
    <details
      class="menu"
      ref={menu}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.stopPropagation()
        close()
      }}
      // A click would take the selection away, which the menu may copy.
      onMouseDown={(event) => event.preventDefault()}
      onClick={({ target }) => {
        if (target instanceof Element && target.closest('.menu-panel button, .menu-panel a')) close()
      }}
    >
      <summary class="button quiet" aria-label={label} title={label}>
        {icon}
      </summary>
      <div class="menu-panel">{children}</div>
    </details>
  )
}
