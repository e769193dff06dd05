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

function describe({ inputs, outputs, parameters, blocks, unsupported }: Inspection): string {
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
  const table = [['block', 'parameters', 'multiply-adds', 'ends at'], ...rows]
  const widths = [0, 1, 2].map((column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  )
  const lines = table.map(([name = '', own = '', macs = '', to = '']) =>
    [
      name.padEnd(widths[0] ?? 0),
      own.padStart(widths[1] ?? 0),
      macs.padStart(widths[2] ?? 0),
      to,
    ].join('  '),
  )
  const blocked = unsupported.map(({ node, operator }) => `  ${operator} "${node}"`)
  return [
    ...inputs.map((input) => `input       ${border(input)}`),
    ...outputs.map((output) => `output      ${border(output)}`),
    `parameters  ${thousands(parameters)}`,
    '',
    ...lines,
    ...(blocked.length > 0 ? ['', 'no gradient passes these nodes:', ...blocked] : []),
    '',
  ].join('\n')
}
