import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { visibleSpan, type Span } from "./virtual-window.js";

export interface VirtualRowsProps<Row> {
  readonly rows: readonly Row[];
  readonly rowHeight: number;
  /** The ARIA role of the element that holds the rows. */
  readonly role: "rowgroup" | "list";
  /** @param top pixels from the top of the list */
  readonly draw: (row: Row, index: number, top: number) => ComponentChildren;
}

/**
 * A long list that renders only its visible rows. It scrolls with the nearest ancestor that has `data-scroller`. All rows
 * are `rowHeight` pixels high and positioned by `transform`.
 */
export function VirtualRows<Row>({ rows, rowHeight, role, draw }: VirtualRowsProps<Row>) {
  const host = useRef<HTMLDivElement>(null);
  const [span, setSpan] = useState<Span>({ from: 0, to: 0 });
  const count = rows.length;

  useLayoutEffect(() => {
    const list = host.current!; // drawn below
    const scroller = scrollerOf(list);
    const measure = (): void => {
      const visible = visibleSpan({
        top: visibleTop(list, scroller),
        height: scroller.clientHeight,
        rowHeight,
        count,
      });
      setSpan((before) => (before.from === visible.from && before.to === visible.to ? before : visible));
    };
    measure();
    const resizes = new ResizeObserver(measure);
    resizes.observe(scroller);
    scroller.addEventListener("scroll", measure, { passive: true });
    return () => {
      resizes.disconnect();
      scroller.removeEventListener("scroll", measure);
    };
  }, [rowHeight, count]);

  const drawn = rows.slice(span.from, Math.min(span.to, count));
  return (
    <div ref={host} role={role} class="virtual" style={{ height: `${count * rowHeight}px` }}>
      {drawn.map((row, index) => draw(row, span.from + index, (span.from + index) * rowHeight))}
    </div>
  );
}

export function scrollerOf(element: Element): Element {
  return element.closest("[data-scroller]")!; // every view has one
}

/** The offset of the viewport's upper edge in the list; negative if the list begins below it. */
export function visibleTop(list: Element, scroller: Element): number {
  return scroller.getBoundingClientRect().top - list.getBoundingClientRect().top;
}
