import { readdir, realpath, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { byCodeUnits, type FoundImage, type Origin, type SkippedFile } from './source.ts'

/** The extensions of files that count as images; any other file of a folder is ignored. */
const imageExtensions: ReadonlySet<string> = new Set([
  ...['.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.webp', '.gif', '.tif', '.tiff', '.bmp', '.dib'],
  ...['.ppm', '.pgm', '.pbm', '.pnm', '.avif', '.heic', '.heif'],
])

/** Whether a file's name has the extension of an image, in upper or lower case. */
export function looksLikeImage(name: string): boolean {
  return imageExtensions.has(extname(name).toLowerCase())
}

/** What is at a path, links followed. */
export type PathEntry =
  | { readonly kind: 'file'; readonly origin: Origin }
  | { readonly kind: 'folder' | 'special' | 'missing' | 'unreadable' }

/** Why a path without a regular file gives no image. */
export const notAFile = {
  folder: 'a folder, not an image',
  special: 'not a regular file',
  missing: 'no such file',
  unreadable: 'cannot be opened',
} as const

/** Looks at a path; what cannot be looked at is `missing` or `unreadable`, never an error. */
export async function entryAt(path: string): Promise<PathEntry> {
  try {
    const found = await stat(path)
    if (found.isDirectory()) return { kind: 'folder' }
    if (!found.isFile()) return { kind: 'special' }
    return { kind: 'file', origin: { file: path, bytes: found.size, modified: found.mtimeMs } }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { kind: code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable' }
  }
}

/** The visible entries directly in a folder, in order of their names; throws what `readdir` throws. */
export async function listFolder(path: string): Promise<{ name: string; entry: PathEntry }[]> {
  const names = (await readdir(path)).filter((name) => !name.startsWith('.') && name !== '__MACOSX')
  names.sort((a, b) => byCodeUnits(a.normalize('NFC'), b.normalize('NFC')))
  return Promise.all(names.map(async (name) => ({ name, entry: await entryAt(join(path, name)) })))
}

/**
 * The images of a folder at any depth, in order of their names. Hidden files and folders, `__MACOSX` and files without
 * the extension of an image are ignored. Links are followed, but each real folder is entered once, so that a loop of
 * links ends. `prefix` is put before each name (`train/cats`), and each image gets the class `className`.
 */
export async function findImages(
  folder: string,
  prefix: string,
  className: string | null,
): Promise<{ images: FoundImage[]; skipped: SkippedFile[] }> {
  const images: FoundImage[] = []
  const skipped: SkippedFile[] = []
  const entered = new Set<string>()

  const enter = async (path: string, parent: string): Promise<void> => {
    const real = await realpath(path)
    if (entered.has(real)) return
    entered.add(real)
    for (const { name: entryName, entry } of await listFolder(path)) {
      const name = joinName(parent, entryName)
      if (looksLikeImage(entryName)) {
        if (entry.kind === 'file') images.push({ name, className, origin: entry.origin })
        else skipped.push({ file: name, reason: notAFile[entry.kind] })
      } else if (entry.kind === 'folder') {
        await enter(join(path, entryName), name).catch(() => {
          skipped.push({ file: name, reason: notAFile.unreadable })
        })
      }
    }
  }
  await enter(folder, prefix)
  return { images, skipped }
}

/** Joins a relative name; composed accents make it the same on macOS, which hands out decomposed ones. */
export function joinName(parent: string, name: string): string {
  return (parent === '' ? name : `${parent}/${name}`).normalize('NFC')
}
