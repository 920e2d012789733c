/** The functions in use; the package has no types of its own. */
declare module "fs-native-extensions" {
  /** Tries to lock a whole file exclusively, for as long as the process keeps it open. Returns whether it succeeded. */
  export function tryLock(fd: number): boolean;

  /** Locks a whole file, once no other open file has a conflicting lock. */
  export function waitForLock(fd: number, options: { readonly shared: boolean }): Promise<void>;
}
