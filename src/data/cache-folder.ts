import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * The folder for what Graft can make anew at any time: `GRAFT_CACHE` where it is set, else the cache folder of the
 * platform (XDG Base Directory, `~/Library/Caches`, `%LOCALAPPDATA%`).
 */
export function cacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
  home: string = homedir(),
): string {
  const { GRAFT_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = environment
  if (GRAFT_CACHE) return GRAFT_CACHE
  if (platform === 'win32')
    return join(LOCALAPPDATA || join(home, 'AppData', 'Local'), 'graft', 'cache')
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'graft')
  return join(XDG_CACHE_HOME || join(home, '.cache'), 'graft')
}
