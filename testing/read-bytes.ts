// In two steps, for vite puts the address of an asset in the place of one.
const here = import.meta.url
const root = new URL('../', here)

/** The content of a file of the repository: from the disk in Node, and from the server of the tests in a browser. */
export async function readBytes(path: string): Promise<Uint8Array> {
  const url = new URL(path, root)
  if (url.protocol === 'file:') {
    const { readFile } = await import('node:fs/promises')
    return readFile(url)
  }
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url}: ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}
