import { GraftError } from '../errors.ts'

const damagedReason = 'the image is cut short or damaged'

/** The error of a reader whose image breaks off or contradicts itself. Its message is the reason alone. */
export function damaged(): GraftError {
  return new GraftError('bad-input', damagedReason)
}

/** What sharp and the file system say, and what it means to a person. */
const meanings: readonly (readonly [RegExp, string])[] = [
  [/^ENOENT/, 'no such file'],
  [/^EISDIR/, 'a folder, not an image'],
  [/^(EACCES|EPERM)/, 'may not be opened'],
  [/is empty/, 'the file is empty'],
  [
    /unsupported (image format|codec|feature)|compression format has not been built in/i,
    'not an image that can be read; save it as JPEG or PNG',
  ],
  [/exceeds pixel limit/, 'the image is too large'],
  [/^E[A-Z]+:/, 'cannot be opened'],
]

/** Why an image could not be decoded, in a few words. */
export function reasonOf(error: unknown): string {
  if (error instanceof GraftError) return error.message
  const { message } = error as Error
  return meanings.find(([pattern]) => pattern.test(message))?.[1] ?? damagedReason
}
