import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HubSettings } from '../src/backbones/settings.ts'

/** A model of the test's hub; all its revisions are one commit. */
export type HubModel = {
  readonly commit: string
  readonly files: Readonly<Record<string, Uint8Array>>
  readonly card?: object
  readonly gated?: boolean
  /** The token that may read it; default: nobody needs one. */
  readonly token?: string
}

/** What goes wrong with one answer; `at` counts bytes of the file. */
export type Fault =
  | { readonly type: 'break' | 'stall'; readonly at: number }
  | { readonly type: 'slow'; readonly pause: number; readonly pieces: number }
  | { readonly type: 'corrupt' | 'whole' | 'page' }
  | { readonly type: 'status'; readonly status: number }

export type Asked = {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly range: string | undefined
}

export type HubServer = {
  readonly endpoint: string
  readonly models: Map<string, HubModel>
  /** Every request so far, in order; those for the contents of large files have paths that begin with `/content/`. */
  readonly asked: Asked[]
  /** Faults of the next answers for the file of a path, one after the other. */
  readonly faults: Map<string, Fault[]>
  /** Breaks the connections off that are to break when so much of a file has arrived; what is still under way would be lost with them. */
  arrived(bytes: number): void
  close(): Promise<void>
}

/** Answers that wait to be broken off, and after how many bytes of the file. */
const breaking = new Map<ServerResponse, number>()

/** From this size on, a file is kept apart, under its SHA-256, and asking for it leads to another server. */
const largeBytes = 1000
const entriesPerPage = 2

/**
 * A small Hugging Face hub on this machine: what the hub's API answers for a model, its tree in pages, and its files, the large ones by way
 * of a second server, as the hub has it. It needs no network.
 */
export async function startHub(models: Readonly<Record<string, HubModel>>): Promise<HubServer> {
  const state = {
    models: new Map(Object.entries(models)),
    asked: [] as Asked[],
    faults: new Map<string, Fault[]>(),
  }
  const logged = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
    createServer((request, response) => {
      const { method = '', url: path = '', headers } = request
      const { authorization, range } = headers
      state.asked.push({ method, path, authorization, range })
      answer(request, response)
    })
  const contents = logged((request, response) => {
    const url = new URL(request.url ?? '', 'http://contents')
    const [, , owner, name, ...path] = url.pathname.split('/')
    const bytes = state.models.get(`${owner}/${name}`)?.files[path.join('/')]
    const fault = state.faults.get(path.join('/'))?.shift()
    if (bytes) send(request, response, bytes, fault)
    else refuse(response, 404)
  })
  const contentsAt = await listen(contents)
  const hub = logged((request, response) => answer(request, response, state, contentsAt))
  return {
    ...state,
    arrived(bytes) {
      for (const [response, at] of breaking) {
        if (at !== bytes) continue
        breaking.delete(response)
        response.destroy()
      }
    },
    endpoint: await listen(hub),
    async close() {
      for (const server of [hub, contents]) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    )
  })
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { models, faults }: Pick<HubServer, 'models' | 'faults'>,
  contentsAt: string,
) {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://hub')
  const [, api, , owner, name, kind, revision] = pathname.startsWith('/api/models/')
    ? pathname.split('/')
    : ['', '', '', ...pathname.split('/').slice(1)]
  const key = `${owner}/${name}`
  const model = models.get(key)
  const token = request.headers.authorization?.replace('Bearer ', '')
  const [fault] = faults.get(pathname) ?? []
  if (fault?.type === 'status') {
    faults.get(pathname)?.shift()
    return refuse(response, fault.status)
  }
  if (fault?.type === 'page') return page(response)
  if (!model) return refuse(response, token ? 404 : 401, 'RepoNotFound')
  if (model.token !== undefined && token !== model.token) {
    if (model.gated) return refuse(response, token ? 403 : 401, 'GatedRepo')
    return refuse(response, token ? 403 : 401)
  }
  const known = ['main', 'v1', model.commit]
  if (!known.includes(decodeURIComponent(revision ?? ''))) {
    return refuse(response, 404, 'RevisionNotFound')
  }
  if (api && kind === 'revision') {
    const { commit: sha, card: cardData } = model
    return json(response, { _id: '1', id: key, sha, cardData, lastModified: '2024-01-01' })
  }
  if (api) {
    const entries = Object.entries(model.files).map(entryOf)
    const from = Number(searchParams.get('cursor') ?? 0)
    const to = from + entriesPerPage
    const next = `<http://${request.headers.host}${pathname}?recursive=true&cursor=${to}>; rel="next"`
    const headers = to < entries.length ? { link: next } : {}
    return json(response, entries.slice(from, to), headers)
  }
  const path = pathname.split('/').slice(5).join('/')
  const bytes = model.files[path]
  if (!bytes) return refuse(response, 404, 'EntryNotFound')
  if (bytes.length < largeBytes) {
    return send(request, response, bytes, faults.get(path)?.shift())
  }
  response.writeHead(302, { location: `${contentsAt}/content/${key}/${path}` }).end()
}

function entryOf([path, bytes]: [string, Uint8Array]) {
  const { length: size } = bytes
  const oid = createHash('sha1').update(`blob ${size}\0`).update(bytes).digest('hex')
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  // The name that git gives a large file is that of a pointer to it.
  const lfs = size < largeBytes ? {} : { oid: 'f'.repeat(40), lfs: { oid: sha256, size } }
  return { type: 'file', path, size, oid, ...lfs }
}

function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}) {
  const type = { 'content-type': 'application/json; charset=utf-8' }
  response.writeHead(200, { ...type, ...headers }).end(JSON.stringify(value))
}

/** What a portal of a wireless network answers to everything. */
function page(response: ServerResponse) {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>')
}

function refuse(response: ServerResponse, status: number, code?: string) {
  response.writeHead(status, code ? { 'x-error-code': code } : {}).end()
}

/** Sends a file, or the part of it that is asked for, with a fault. */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  fault?: Fault,
) {
  if (fault?.type === 'status') return refuse(response, fault.status)
  const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`
  const wanted = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
  const same = [undefined, etag].includes(request.headers['if-range'] as string | undefined)
  const isPart = wanted !== null && same && fault?.type !== 'whole'
  const from = isPart ? Number(wanted[1]) : 0
  const content = Buffer.from(bytes.subarray(from))
  if (fault?.type === 'corrupt') content[0] = (content[0] as number) ^ 255
  response.writeHead(isPart ? 206 : 200, {
    etag,
    'content-length': content.length,
    ...(isPart && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  })
  if (request.method === 'HEAD') response.end()
  else if (fault?.type === 'slow') sendSlowly(response, content, fault)
  else if (fault?.type === 'break' || fault?.type === 'stall') {
    if (fault.type === 'break') breaking.set(response, fault.at)
    response.write(content.subarray(0, fault.at - from))
  } else response.end(content)
}

function sendSlowly(
  response: ServerResponse,
  content: Buffer,
  { pause, pieces }: { readonly pause: number; readonly pieces: number },
): void {
  const length = Math.ceil(content.length / pieces)
  const next = (piece: number) => {
    if (piece === pieces) return response.end()
    response.write(content.subarray(piece * length, (piece + 1) * length))
    setTimeout(next, pause, piece + 1)
  }
  next(0)
}

/** Settings for a hub of a test: no pauses, and few retries. */
export function testSettings(endpoint: string, cache: string): HubSettings {
  const patience = { stall: 10_000, retries: 2, pause: 1, probe: 10_000 }
  return { endpoint, token: null, isOffline: false, cache, patience }
}
