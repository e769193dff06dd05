/** What went wrong, for programs; the message is for people. */
export type ErrorCode =
  | 'bad-usage' // the command line or an option is wrong (exit code 2)
  | 'bad-input' // a file or folder of the user's cannot be used
  | 'bad-model' // an ONNX file cannot be read or is not valid
  | 'unsupported' // valid, but beyond what Graft can do
  | 'interrupted' // stopped by the user or by a budget
  | 'internal' // a broken promise inside Graft

/**
 * The one error type of Graft. `message` is a single line that says what is wrong, in which file or node, and what to do.
 */
export class GraftError extends Error {
  override readonly name = 'GraftError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** Puts the name of a file before the message of an error that came from its content. */
export async function inFile<T>(path: string, action: () => Promise<T> | T): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    if (!(cause instanceof GraftError)) throw cause
    throw new GraftError(cause.code, `${path}: ${cause.message}`, { cause })
  }
}
