import { existsSync } from 'node:fs'
import { GraftError } from '../errors.ts'

/** Where a backbone is, as a user names it. */
export type Spec =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string }
  | ({ readonly kind: 'hub' } & HubSpec)

export type HubSpec = {
  /** `owner/name`. */
  readonly repository: string
  /** A branch, a tag or a commit. */
  readonly revision: string | null
  /** The path of the ONNX file within the repository. */
  readonly file: string | null
}

const repository = String.raw`[\w][\w.-]*/[\w][\w.-]*`
const hubForm = new RegExp(`^(${repository})(?:@([^:\\s]+))?(?::(\\S+\\.onnx))?$`)
/** The address of a page of the hub, without the hub's own. */
const pageForm = new RegExp(
  `^/(${repository})(?:/(?:tree|blob|resolve|raw)/([^/?#]+)(?:/([^?#]+))?)?/?(?:[?#]|$)`,
)

/**
 * Reads what `--backbone` was given: a file that exists, an `http(s)` address, or `owner/name[@revision][:file.onnx]` on the hub. The
 * address of a page of the hub stands for the repository or file that it shows.
 *
 * @param endpoint the address of the hub
 * @throws GraftError `bad-input` for anything else
 */
export function parseSpec(text: string, endpoint: string): Spec {
  if (existsSync(text)) return { kind: 'file', path: text }
  if (/^https?:\/\//i.test(text)) return parseAddress(text, endpoint)
  const [, name, revision = null, file = null] = hubForm.exec(text) ?? []
  if (name !== undefined && (file !== null || !text.endsWith('.onnx'))) {
    return { kind: 'hub', repository: name, revision, file }
  }
  if (text.endsWith('.onnx')) return { kind: 'file', path: text }
  throw new GraftError(
    'bad-input',
    `${text}: no such file: give an ONNX file, an https:// address, owner/name[@revision][:file.onnx] of the Hugging Face hub, or none`,
  )
}

function parseAddress(text: string, endpoint: string): Spec {
  if (!URL.canParse(text) || !isDecodable(new URL(text).pathname)) {
    throw new GraftError('bad-input', `${text}: not an address: give one such as https://host/file`)
  }
  const page = text.startsWith(`${endpoint}/`) && pageForm.exec(text.slice(endpoint.length))
  if (!page) return { kind: 'url', url: text }
  const [, name = '', revision = null, file = ''] = page
  const decoded = (part: string | null) => part && decodeURIComponent(part)
  const named = file.endsWith('.onnx') ? decoded(file) : null
  return { kind: 'hub', repository: name, revision: decoded(revision), file: named }
}

/** Whether every % begins the code of a byte. */
function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
