/** The icons of the page, in the colour of the text beside them. Each accompanies a word or a label. */
import type { JSX } from "preact";
import type { DisplayStatus } from "../../format/display-status.js";

/** Functions, not elements: a shared element would reference its parent and so keep every former list in memory. */
const STATUS_SHAPES = {
  PENDING: () => <circle cx="8" cy="8" r="5.25" stroke-dasharray="2.2 2.2" />,
  RUNNING: () => (
    <>
      <circle cx="8" cy="8" r="5.25" />
      <path d="M8 4.9a3.1 3.1 0 0 1 0 6.2z" fill="currentColor" />
    </>
  ),
  FINISHED: () => (
    <>
      <circle cx="8" cy="8" r="6" fill="currentColor" stroke="none" />
      <path d="m5.4 8.2 1.8 1.8 3.4-3.8" class="cut" />
    </>
  ),
  CANCELED: () => (
    <>
      <circle cx="8" cy="8" r="5.25" />
      <path d="m4.6 11.4 6.8-6.8" />
    </>
  ),
  FAILED: () => (
    <>
      <path d="M5.4 1.9h5.2l3.5 3.5v5.2l-3.5 3.5H5.4l-3.5-3.5V5.4z" fill="currentColor" stroke="none" />
      <path d="m5.9 5.9 4.2 4.2m0-4.2-4.2 4.2" class="cut" />
    </>
  ),
  SILENT: () => (
    <>
      <circle cx="8" cy="8" r="5.25" />
      <path d="M8 5v3.2l2 1.3" />
    </>
  ),
  LOST: () => (
    <>
      <path d="M8 1.8 15 14H1z" fill="currentColor" stroke="none" />
      <path d="M8 6.2v3.6m0 1.7v.6" class="cut" />
    </>
  ),
} satisfies Record<DisplayStatus, () => JSX.Element>;

const SHAPES = {
  ...STATUS_SHAPES,
  search: () => <path d="M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zm3.3 7.8 3.2 3.2" />,
  chevronDown: () => <path d="m4.5 6.5 3.5 3.5 3.5-3.5" />,
  chevronRight: () => <path d="m6.5 4.5 3.5 3.5-3.5 3.5" />,
  arrowLeft: () => <path d="M12.5 8h-9m4-4-4 4 4 4" />,
  arrowUp: () => <path d="M8 12.5v-9m-3.5 3.5L8 3.5 11.5 7" />,
  arrowDown: () => <path d="M8 3.5v9M4.5 9 8 12.5 11.5 9" />,
  copy: () => <path d="M5.5 5.5h7v8h-7zM3.5 10.5v-8h7" />,
  check: () => <path d="m3.5 8.5 3 3 6-7" />,
  play: () => <path d="M5 3.5v9l7.5-4.5z" fill="currentColor" />,
  cross: () => <path d="m4 4 8 8m0-8-8 8" />,
  database: () => (
    <path d="M3 4.2c0-1 2.2-1.7 5-1.7s5 .7 5 1.7v7.6c0 1-2.2 1.7-5 1.7s-5-.7-5-1.7zm0 0c0 1 2.2 1.7 5 1.7s5-.7 5-1.7M3 8c0 1 2.2 1.7 5 1.7S13 9 13 8" />
  ),
  sun: () => (
    <path d="M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6zm0-3.5v1m0 11v1M1.5 8h1m11 0h1M3.4 3.4l.7.7m7.8 7.8.7.7m0-9.2-.7.7m-7.8 7.8-.7.7" />
  ),
  moon: () => <path d="M13 9.7A5.5 5.5 0 0 1 6.3 3a5.5 5.5 0 1 0 6.7 6.7z" />,
  half: () => (
    <>
      <circle cx="8" cy="8" r="5.25" />
      <path d="M8 2.75a5.25 5.25 0 0 1 0 10.5z" fill="currentColor" />
    </>
  ),
};

export type Shape = keyof typeof SHAPES;

export function Icon({ shape }: { readonly shape: Shape }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      {SHAPES[shape]()}
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="mark" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <rect x="2" y="11" width="4" height="7" rx="1" />
      <rect x="8" y="7" width="4" height="11" rx="1" />
      <rect x="14" y="2" width="4" height="16" rx="1" />
    </svg>
  );
}
