/** The one function of it that is used; the package has no types of its own. */
declare module "fs-native-extensions" {
  /**
   * Asks for an exclusive lock on a whole file: that of the open file, which the system gives up with the
   * process. Returns whether it was given.
   */
  export function tryLock(fd: number): boolean;
}
