import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cacheFolder } from './cache-folder.ts'

test('the cache lies where GRAFT_CACHE says, else where the platform keeps caches', () => {
  const xdg = { XDG_CACHE_HOME: '/x', LOCALAPPDATA: 'L' }
  expect(cacheFolder({ GRAFT_CACHE: '/g', ...xdg }, 'linux', '/h')).toBe('/g')
  expect(cacheFolder(xdg, 'linux', '/h')).toBe(join('/x', 'graft'))
  expect(cacheFolder({}, 'linux', '/h')).toBe(join('/h', '.cache', 'graft'))
  expect(cacheFolder(xdg, 'darwin', '/h')).toBe(join('/h', 'Library', 'Caches', 'graft'))
  expect(cacheFolder(xdg, 'win32', '/h')).toBe(join('L', 'graft', 'cache'))
})
