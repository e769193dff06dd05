import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { GraftError } from '../errors.ts'
import { asUnreachable, isPassing, pauseBefore, Unreachable, watch } from './connection.ts'
import { type Digest, isIntact } from './digest.ts'
import { claimPart } from './parts.ts'
import type { Patience } from './settings.ts'

export type Wanted = {
  /** How messages name the file. */
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly target: string
  /** What is known of the file beforehand, and checked before it gets its name. */
  readonly known: { readonly size: number; readonly digest: Digest } | null
  /** The error for an answer that is none of a file. */
  refuse(response: Response): GraftError
}

type Progress = { readonly done: number; readonly total: number }

/** What the server says of the file's version; null where it says nothing. */
export type Version = string | null

/**
 * Downloads a file to a temporary name, and renames it when it is whole. Goes on where a connection broke off, also one of a process that
 * is gone, as far as the server allows that.
 *
 * @throws Unreachable where the server cannot be reached; GraftError where it refuses, where the file cannot be written, and where twice
 * something else arrived than is known of the file
 */
export async function* download(
  wanted: Wanted,
  patience: Patience,
): AsyncGenerator<Progress, Version> {
  const { name, target, known } = wanted
  let part: string | undefined
  try {
    await mkdir(dirname(target), { recursive: true })
    for (let time = 1; time <= 2; time++) {
      part = await claimPart(target)
      // Parts whose content nobody can check are no use.
      if (!known) await rm(part, { force: true })
      const version = yield* fill(part, wanted, patience)
      if (!known || (await isIntact(part, known.size, known.digest))) {
        await rename(part, target)
        return version
      }
      await rm(part, { force: true })
    }
  } catch (cause) {
    const isWorthKeeping = known && cause instanceof Unreachable
    if (part && !isWorthKeeping) await rm(part, { force: true })
    throw asUnwritable(target, cause)
  }
  throw new GraftError(
    'bad-input',
    `${name}: arrived damaged twice (its content is not what the hub says it is): try again later`,
  )
}

/** A failure of the file system as an error that says what to do; any other error as it is. */
export function asUnwritable(path: string, cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException
  if (!code || cause instanceof GraftError) return cause
  return new GraftError(
    'bad-input',
    `${path}: cannot be written (${code}): make room for it, or set GRAFT_CACHE to another folder`,
    { cause },
  )
}

/** Brings the rest of a file, in as many attempts as it takes. */
async function* fill(
  part: string,
  wanted: Wanted,
  patience: Patience,
): AsyncGenerator<Progress, Version> {
  const file = await open(part, 'a+')
  try {
    const begun = { version: null as Version }
    let furthest = 0
    for (let attempt = 1; ; attempt++) {
      try {
        yield* bring(file, begun, wanted, patience)
        await file.sync()
        return begun.version
      } catch (cause) {
        const error = asUnreachable(cause)
        if (!(error instanceof Unreachable)) throw error
        const { size } = await file.stat()
        if (size > furthest) attempt = 1
        else if (attempt > patience.retries) throw error
        furthest = Math.max(furthest, size)
        if (!wanted.known && begun.version === null) await file.truncate(0)
      }
      await pauseBefore(attempt, patience)
    }
  } finally {
    await file.close()
  }
}

/** One attempt: asks for what is missing, as long as that is the rest of the version begun, and appends it. */
async function* bring(
  file: FileHandle,
  begun: { version: Version },
  { url, headers, known, refuse }: Wanted,
  patience: Patience,
): AsyncGenerator<Progress, void> {
  let { size: done } = await file.stat()
  if (known && done >= known.size) {
    if (done === known.size) return
    await file.truncate(0)
    done = 0
  }
  const watched = watch(patience)
  try {
    const response = await fetch(url, {
      headers: {
        ...headers,
        // Lengths and ranges have to be those of the file.
        'accept-encoding': 'identity',
        ...(done > 0 && { range: `bytes=${done}-` }),
        ...(done > 0 && !known && begun.version && { 'if-range': begun.version }),
      },
      signal: watched.signal,
    })
    if (isPassing(response.status)) throw new Unreachable(`it answers ${response.status}`)
    if (response.status === 416) {
      await file.truncate(0)
      throw new Unreachable('it does not go on with a part')
    }
    if (!response.ok || !response.body) throw refuse(response)
    const range = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')
    if (response.status !== 206 || Number(range?.[1]) !== done) {
      await file.truncate(0)
      if (response.status === 206 && done > 0) throw new Unreachable('it sends another part')
      done = 0
    }
    begun.version = versionIn(response)
    const length = Number(response.headers.get('content-length') ?? Number.NaN)
    const total = known?.size ?? (Number.isFinite(length) ? done + length : null)
    let shown = Number.NEGATIVE_INFINITY
    for await (const chunk of response.body) {
      watched.heard()
      await file.appendFile(chunk)
      done += chunk.length
      if (total && done - shown >= total / 100 && done < total) {
        shown = done
        yield { done, total }
      }
    }
    if (total !== null && done < total) throw new Unreachable('the connection broke off')
    yield { done, total: done }
  } finally {
    watched.end()
  }
}

/** Only a strong one says that the bytes are the same (RFC 9110, 8.8.3). */
function versionIn({ headers }: Response): Version {
  const version = headers.get('etag')
  return version?.startsWith('"') ? version : null
}
