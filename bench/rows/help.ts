import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Row } from '../row.ts'
import type { Side } from '../side.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const main = join(root, 'dist', 'cli', 'main.js')

/** How long the command line takes to answer, beside a Node that does nothing. */
export const help: Row = {
  name: 'help',
  what: 'graft --help, from start to exit',
  limit: { ms: 200 },
  rounds: 15,
  async open() {
    if (!existsSync(main)) return { missing: 'not built: run "npm run build"' }
    return {
      ours: starting('Graft', [join(root, 'bin', 'graft.js'), '--help']),
      others: [starting('node -e 0', ['-e', '0'])],
      ...(isStale() && { note: 'dist is older than src: run "npm run build"' }),
    }
  },
}

function starting(name: string, args: readonly string[]): Side {
  return {
    name,
    losses: [],
    async round() {
      const begin = performance.now()
      const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
      const time = performance.now() - begin
      if (status !== 0) throw new Error(`node ${args.join(' ')} failed: ${stderr}`)
      return { values: [time], idle: 0 }
    },
    close: async () => {},
  }
}

function isStale(): boolean {
  const built = statSync(main).mtimeMs
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .some((file) => statSync(join(root, 'src', file)).mtimeMs > built)
}
