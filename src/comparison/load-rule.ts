import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { GraftError } from '../errors.ts'
import type { Rule } from '../pretraining/method.ts'

export type LoadedRule = {
  readonly rule: Rule
  /** The SHA-256 of its file. */
  readonly digest: string
}

/**
 * The default export of a module, and the SHA-256 of its file.
 *
 * @throws GraftError `bad-input` where it cannot be loaded or exports no function
 */
export async function loadRule(file: string): Promise<LoadedRule> {
  let module: { readonly default?: unknown }
  let digest: string
  try {
    module = await import(pathToFileURL(resolve(file)).href)
    digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
  } catch (cause) {
    const { message } = cause as Error
    throw new GraftError(
      'bad-input',
      `${file}: cannot be loaded as a module: ${message.split('\n')[0]}`,
      { cause },
    )
  }
  if (typeof module.default !== 'function') {
    throw new GraftError(
      'bad-input',
      `${file}: has no default export that is a function: write "export default (image) => label"`,
    )
  }
  return { rule: module.default as Rule, digest }
}
