/** What a number that JSON cannot hold is written as. */
const key = '$number'

/** JSON that keeps numbers which are not finite, instead of making them null. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    typeof part === 'number' && !Number.isFinite(part) ? { [key]: String(part) } : part,
  )
}

/** What `toJson` wrote. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (_, part) =>
    part !== null && typeof part === 'object' && key in part ? Number(part[key]) : part,
  )
}
