/** A value that is being made: who makes it may write to it until others have it. */
export type Writable<T> = T extends unknown ? { -readonly [Field in keyof T]: T[Field] } : never;
