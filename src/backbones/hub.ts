import { GraftError } from '../errors.ts'
import { ask, isPassing } from './connection.ts'
import type { Digest } from './digest.ts'
import type { HubSettings } from './settings.ts'

/** A file as the hub lists it. */
export type HubFile = { readonly path: string; readonly size: number; readonly digest: Digest }

/** A repository at one commit. */
export type Repository = {
  /** `owner/name`. */
  readonly name: string
  readonly commit: string
  readonly license: string | null
  readonly files: readonly HubFile[]
}

/** Loaded on demand: most runs do without. */
const client = () => import('@huggingface/hub')

/** The headers for a request to the hub. They are sent to no other server: `fetch` drops them where it is led elsewhere. */
export function hubHeaders({ token }: HubSettings): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` }
}

/**
 * Asks the hub which commit a revision is.
 *
 * @throws Unreachable; GraftError where the hub refuses
 */
export async function askCommit(
  name: string,
  revision: string,
  settings: HubSettings,
): Promise<{ readonly commit: string; readonly card: Card }> {
  const { modelInfo } = await client()
  const { sha, cardData } = await modelInfo({
    name,
    revision,
    hubUrl: settings.endpoint,
    additionalFields: ['sha', 'cardData'],
    fetch: fetchFrom(name, revision, settings),
  })
  if (!/^[0-9a-f]{40}$/.test(sha)) throw new GraftError('bad-input', strange(settings))
  return { commit: sha, card: (cardData ?? {}) as Card }
}

/** What the model card says in its header, of what is asked here. */
type Card = {
  readonly license?: unknown
  readonly license_name?: unknown
  readonly base_model?: unknown
}

/** Asks the hub for all that is kept of a commit. */
export async function askRepository(
  name: string,
  commit: string,
  card: Card,
  settings: HubSettings,
): Promise<Repository> {
  const files: HubFile[] = []
  const { listFiles } = await client()
  const entries = listFiles({
    repo: { type: 'model', name },
    revision: commit,
    recursive: true,
    hubUrl: settings.endpoint,
    fetch: fetchFrom(name, commit, settings),
  })
  for await (const { type, path, size, oid, lfs } of entries) {
    if (type !== 'file' || !isInside(path)) continue
    if (lfs) files.push({ path, size: lfs.size, digest: { algorithm: 'sha256', hex: lfs.oid } })
    else if (oid) files.push({ path, size, digest: { algorithm: 'git', hex: oid } })
  }
  return { name, commit, license: await licenseOf(name, card, settings), files }
}

/** Paths become files of the cache, and must not leave it. */
function isInside(path: string): boolean {
  return !/\\|:/.test(path) && path.split('/').every((part) => !['', '.', '..'].includes(part))
}

const textOf = (value: unknown): string | null => {
  const [first] = Array.isArray(value) ? value : [value]
  return typeof first === 'string' && first !== '' ? first : null
}

function statedLicense({ license, license_name }: Card): string | null {
  const stated = textOf(license)
  return stated === 'other' ? (textOf(license_name) ?? stated) : stated
}

/** The licence that a model states, or else the model that it was made from: mere conversions often state none. */
async function licenseOf(name: string, card: Card, settings: HubSettings): Promise<string | null> {
  const stated = statedLicense(card)
  const base = textOf(card.base_model)
  if (stated !== null || base === null || base === name) return stated
  try {
    const license = statedLicense((await askCommit(base, 'main', settings)).card)
    return license && `${license} (that of ${base})`
  } catch {
    return null
  }
}

/** A `fetch` for the client of the hub that asks again, knows the token, and says in a sentence what the hub refuses. */
function fetchFrom(name: string, revision: string, settings: HubSettings): typeof fetch {
  return async (input) => {
    const url = String(input)
    const isOwn = url.startsWith(`${settings.endpoint}/`)
    const response = await ask(url, isOwn ? hubHeaders(settings) : {}, settings.patience)
    if (!response.ok) throw refusal(response, name, revision, settings)
    // A page for people, as a portal of a wireless network puts in the place of any other.
    if (!response.headers.get('content-type')?.includes('json')) {
      throw new GraftError('bad-input', strange(settings))
    }
    return response
  }
}

const strange = ({ endpoint }: HubSettings) =>
  `${endpoint}: does not answer as a Hugging Face hub does: is HF_ENDPOINT right, and the network open?`

/** What a refusal of the hub means, and what to do. */
export function refusal(
  response: Response,
  name: string,
  revision: string,
  { endpoint, token }: HubSettings,
): GraftError {
  const { status, headers } = response
  const code = headers.get('x-error-code')
  const sentence = () => {
    if (code === 'GatedRepo') {
      return `its terms have to be accepted first: do so at ${endpoint}/${name}, and set HF_TOKEN to a token of that account`
    }
    if (code === 'RevisionNotFound') {
      return `has no revision "${revision}": ${endpoint}/${name}/tree/main lists them`
    }
    if (code === 'EntryNotFound') return `a file of it is gone from ${endpoint}: try again`
    if (status === 401 && token === null) {
      return `there is no public model of that name on ${endpoint}: check the name, or set HF_TOKEN for a private one`
    }
    if (status === 401) {
      return 'the hub does not accept the token in HF_TOKEN: check it, or unset it for a public model'
    }
    if (status === 403) return 'the token in HF_TOKEN may not read it: give one that may'
    if (status === 404) {
      return `there is no such model on ${endpoint}: check the name; a file of yours needs its path`
    }
    return `${endpoint} answers ${status}${isPassing(status) ? ': try again later' : ''}`
  }
  return new GraftError('bad-input', `${name}: ${sentence()}`)
}
