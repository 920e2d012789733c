interface Leaf {
  readonly description: string;
  readonly volume: number;
}

export const WATCH: string;
export const DATABASE: string;
export const TASK: Leaf;
export const MARK_TASK: Leaf;
export function keyOf(at: number, users: number): { readonly username: string; readonly jobId: string };
export function microsNow(): number;
