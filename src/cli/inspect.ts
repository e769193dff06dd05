import type { Command } from 'commander'
import type { BackboneEvent } from '../backbones/backbone.ts'
import type { Inspection } from '../transfer/inspect.ts'
import { listen, withProgress } from './progress.ts'
import { showEvent } from './show-events.ts'

export function inspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('describe a network: inputs, parameters, and where it can be cut')
    .argument('<model>', 'an ONNX file, an address, or owner/name on the Hugging Face hub')
    .option('--json', 'print the result as JSON')
    .action(async (path: string, options: { json?: true }) => {
      const [{ resolveBackbone }, { readBackbone }, { inFile }, { inspect }, { defaultRuntime }] =
        await Promise.all([
          import('../backbones/resolve.ts'),
          import('../comparison/open-backbone.ts'),
          import('../errors.ts'),
          import('../transfer/inspect.ts'),
          import('../runtime/default.ts'),
        ])
      const { graph } = await withProgress(async (progress) => {
        const show = (event: BackboneEvent) => showEvent(event, progress)
        return listen(readBackbone(await listen(resolveBackbone(path), show)), show)
      })
      const runtime = await defaultRuntime()
      const result = await inFile(path, () => inspect(graph, runtime))
      process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : describe(result))
    })
}

const thousands = (value: number) => value.toLocaleString('en')

function describe(inspection: Inspection): string {
  const { inputs, outputs, parameters, blocks, unsupported, normalization } = inspection
  const border = ({
    name,
    type,
    dims,
  }: {
    name: string
    type?: string
    dims?: readonly unknown[]
  }) => `${name}: ${type ?? '?'} [${dims?.join(', ') ?? '?'}]`
  const rows = blocks.map(({ name, to, parameters: own, macs }) => [
    name,
    thousands(own),
    thousands(macs),
    to,
  ])
  const lines = aligned(['block', 'parameters', 'multiply-adds', 'ends at'], rows)
  const layers = normalization.map(({ node, channels, epsilon, momentum, mode, ...layer }) => [
    node,
    thousands(channels),
    String(epsilon),
    String(momentum),
    `${mode}${layer.defaultStatistics ? ', statistics never estimated' : ''}`,
  ])
  const normalized = aligned(
    ['batch normalization', 'channels', 'epsilon', 'momentum', 'mode'],
    layers,
  )
  const blocked = unsupported.map(({ node, operator }) => `  ${operator} "${node}"`)
  return [
    ...inputs.map((input) => `input       ${border(input)}`),
    ...outputs.map((output) => `output      ${border(output)}`),
    `parameters  ${thousands(parameters)}`,
    '',
    ...lines,
    ...(layers.length > 0 ? ['', ...normalized] : []),
    ...(blocked.length > 0 ? ['', 'no gradient passes these nodes:', ...blocked] : []),
    '',
  ].join('\n')
}

/** A table whose first column is of names, and whose last is free; the others are numbers. */
function aligned(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const table = [heading, ...rows]
  const widths = heading.map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  )
  const cell = (text: string, column: number) => {
    const width = widths[column] as number
    if (column === heading.length - 1) return text
    return column === 0 ? text.padEnd(width) : text.padStart(width)
  }
  return table.map((row) => row.map(cell).join('  '))
}
