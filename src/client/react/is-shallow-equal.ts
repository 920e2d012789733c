/** Whether two values are identical, or are both arrays or both plain objects with identical elements. */
export function isShallowEqual(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (Array.isArray(one) && Array.isArray(other)) return hasSameElements(one, other);
  return isPlainObject(one) && isPlainObject(other) && hasSameProperties(one, other);
}

function hasSameElements(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((element, index) => Object.is(element, other[index]));
}

type PlainObject = Readonly<Record<string, unknown>>;

function hasSameProperties(one: PlainObject, other: PlainObject): boolean {
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && Object.is(one[key], other[key]))
  );
}

function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
