import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { GraftError } from '../src/errors.ts'
import type { Round, Side } from './side.ts'

/**
 * Starts a process as a side. It prepares itself and its first losses, then waits for orders: see `serve.ts` and `pytorch/serve.py`.
 *
 * @param settings the last argument of the process, as JSON
 * @throws GraftError `unsupported` where the process says that it cannot do the work, with its reason
 */
export async function startServed(
  name: string,
  command: readonly [string, ...string[]],
  settings: object,
  environment: NodeJS.ProcessEnv = {},
): Promise<Side> {
  const [program, ...args] = command
  const child = spawn(program, [...args, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    const { done, value } = await lines.next()
    if (done) throw new Error(`${name} stopped: its own message is above`)
    return JSON.parse(value)
  }
  const close = async () => {
    child.stdin.end()
    await closed
  }
  const { losses, reason } = await answer()
  if (reason !== undefined) {
    await close()
    throw new GraftError('unsupported', reason)
  }
  return {
    name,
    losses,
    async round(): Promise<Round> {
      child.stdin.write('run\n')
      return await answer()
    },
    close,
  }
}
