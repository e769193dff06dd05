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
