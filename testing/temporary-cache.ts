import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Gives the whole test run a cache folder of its own, so that it neither reads nor leaves anything in the user's, and keeps it from the
 * network.
 */
export default async function useTemporaryCache(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'graft-test-'))
  process.env.GRAFT_CACHE = folder
  process.env.GRAFT_OFFLINE = '1'
  return () => rm(folder, { recursive: true, force: true })
}
