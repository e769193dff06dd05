/** Markup that is safe to write out. Only `html`, `raw` and what is built from them make it. */
export type Html = { readonly markup: string }

type Piece = string | number | Html | null | undefined | false | readonly Piece[]

/** Markup that is safe by its making: our own constants, or the output of a serializer. Never the words of a stranger. */
export const raw = (markup: string): Html => ({ markup })

/**
 * Template tag: what is interpolated is escaped, unless it is `Html` already. Lists are joined; null, undefined and
 * false leave nothing.
 */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return raw(strings.reduce((text, next, i) => text + render(pieces[i - 1]) + next))
}

/**
 * Text made safe for element content and quoted attributes. Control characters, which HTML does not allow, become
 * U+FFFD, so that a file name with an escape sequence in it stays visible.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(CONTROL, '\uFFFD')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] as string)
}

function render(piece: Piece): string {
  if (piece === null || piece === undefined || piece === false) return ''
  if (typeof piece === 'string' || typeof piece === 'number') return escapeHtml(String(piece))
  if (Array.isArray(piece)) return piece.map(render).join('')
  return (piece as Html).markup
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const CONTROL = /[^\P{Cc}\t\n\r]/gu
