import type { Patience } from './settings.ts'

/** A server that gave no answer, or broke it off: what is already in the cache may do instead. */
export class Unreachable extends Error {}

/** Answers that may be better when asked again. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500
}

/** Waits before the next attempt, longer each time. */
export function pauseBefore(attempt: number, { pause }: Patience): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pause * 2 ** (attempt - 1)))
}

/** Breaks a request off when nothing is heard of it for a while. */
export function watch({ stall }: Patience) {
  const controller = new AbortController()
  const silent = () =>
    controller.abort(new Unreachable(`nothing was heard of it for ${stall / 1000} s`))
  let timer = setTimeout(silent, stall)
  return {
    signal: controller.signal,
    /** Something was heard: the time starts anew. */
    heard() {
      clearTimeout(timer)
      timer = setTimeout(silent, stall)
    },
    /** Ends the request, if it is still under way. */
    end() {
      clearTimeout(timer)
      controller.abort()
    },
  }
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection broke off',
  EAI_AGAIN: 'its name cannot be looked up',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no network',
  ENOTFOUND: 'its name is not known here',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_SOCKET: 'the connection broke off',
}

/** A failure of the network as `Unreachable`; any other error as it is. */
export function asUnreachable(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Unreachable) return error
  const code = codeOf(error)
  const isNetwork = error instanceof TypeError && /fetch failed|terminated/.test(error.message)
  if (!isNetwork) return error
  const reason = reasons[code] ?? (code ? `it failed with ${code}` : 'the connection broke off')
  return new Unreachable(reason, { cause: error })
}

/** fetch says "fetch failed" or "terminated", and puts the reason into the cause. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return String((cause as NodeJS.ErrnoException | undefined)?.code ?? '')
}

/** A name that cannot be looked up stays so: asking again is in vain. */
const isFinal = ({ cause }: Unreachable) => ['ENOTFOUND', 'EAI_AGAIN'].includes(codeOf(cause))

/**
 * Asks for a short answer, and again where that failed for a passing reason.
 *
 * @returns the answer, completely read, whatever its status
 * @throws Unreachable where there was none
 */
export async function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
  patience: Patience,
  method: 'GET' | 'HEAD' = 'GET',
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const watched = watch(patience)
    try {
      const response = await fetch(url, { method, headers, signal: watched.signal })
      const body = await response.arrayBuffer()
      if (isPassing(response.status)) {
        throw new Unreachable(`it answers ${response.status} ${response.statusText}`.trim())
      }
      return new Response(body.byteLength > 0 ? body : null, response)
    } catch (cause) {
      const error = asUnreachable(cause)
      if (!(error instanceof Unreachable) || attempt > patience.retries || isFinal(error)) {
        throw error
      }
    } finally {
      watched.end()
    }
    await pauseBefore(attempt, patience)
  }
}

/** Whether a server answers at all, found out with one short question. */
export async function isReachable(url: string, { probe }: Patience): Promise<boolean> {
  try {
    await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(probe) })
    return true
  } catch {
    return false
  }
}
