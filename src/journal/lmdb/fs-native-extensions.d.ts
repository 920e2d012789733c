/** The only function in use; the package has no types of its own. */
declare module "fs-native-extensions" {
  /** Tries to lock a whole file exclusively, for as long as the process keeps it open. Returns whether it succeeded. */
  export function tryLock(fd: number): boolean;
}
