import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { visibleSpan, type Span } from "./virtual-window.js";

export interface VirtualRowsProps<Row> {
  readonly rows: readonly Row[];
  readonly rowHeight: number;
  /** Of the element that holds the rows. */
  readonly role: "rowgroup" | "list";
  /** @param top where the row is to be put, pixels from the top of the list */
  readonly draw: (row: Row, index: number, top: number) => ComponentChildren;
}

/**
 * A long list of which only what is seen is drawn. It scrolls with the nearest element around it that has
 * `data-scroller`; rows are put to their places by `transform`, and all are `rowHeight` pixels high.
 */
export function VirtualRows<Row>({ rows, rowHeight, role, draw }: VirtualRowsProps<Row>) {
  const host = useRef<HTMLDivElement>(null);
  const [span, setSpan] = useState<Span>({ from: 0, to: 0 });
  const count = rows.length;

  useLayoutEffect(() => {
    const list = host.current!; // drawn below
    const scroller = scrollerOf(list);
    const look = (): void => {
      const seen = visibleSpan({
        top: visibleTop(list, scroller),
        height: scroller.clientHeight,
        rowHeight,
        count,
      });
      setSpan((before) => (before.from === seen.from && before.to === seen.to ? before : seen));
    };
    look();
    const resizes = new ResizeObserver(look);
    resizes.observe(scroller);
    scroller.addEventListener("scroll", look, { passive: true });
    return () => {
      resizes.disconnect();
      scroller.removeEventListener("scroll", look);
    };
  }, [rowHeight, count]);

  const drawn = rows.slice(span.from, Math.min(span.to, count));
  return (
    <div ref={host} role={role} class="virtual" style={{ height: `${count * rowHeight}px` }}>
      {drawn.map((row, index) => draw(row, span.from + index, (span.from + index) * rowHeight))}
    </div>
  );
}

/** The element that a list scrolls with. */
export function scrollerOf(element: Element): Element {
  return element.closest("[data-scroller]")!; // every view has one
}

/** Where the upper edge of what is seen lies in a list; negative where it begins lower. */
export function visibleTop(list: Element, scroller: Element): number {
  return scroller.getBoundingClientRect().top - list.getBoundingClientRect().top;
}
