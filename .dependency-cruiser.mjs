// The layers of src, highest first: a folder imports only from the folders above it in this list.
const layers = [
  '(random|errors|events|files|json-numbers|version)[.]ts',
  'statistics/',
  'graph/',
  'autodiff/',
  'runtime/',
  'nn/',
  'data/',
  'training/',
  'pretraining/',
  'transfer/',
  'backbones/',
  'comparison/',
  'report/',
  'cli/',
]
const base = layers[0]

// Folders that stand on less than the list would allow.
const independent = { 'statistics/': [base], 'data/': [base, 'graph/'] }

// Packages that only some folders may import.
const packages = [
  { name: 'hub', path: '@huggingface/hub(/|$)', only: ['backbones/'] },
  { name: 'onnxruntime', path: 'onnxruntime-[^/]+(/|$)', only: ['runtime/'] },
  { name: 'protobuf', path: '(onnx-buf|@bufbuild/protobuf)(/|$)', only: ['graph/'] },
  { name: 'sharp', path: '(^|/)sharp(/|$)', only: ['data/', 'report/'] },
]

const libraryEntries = '^src/(index|engine|web|portable)[.]ts$'
const entries = '^src/(index|engine|web|cli/main)[.]ts$'
const tests = '[.]test[.]ts$'
const inside = (folders) => folders.map((folder) => `^src/${folder}`)

const layerRules = layers.map((layer, i) => ({
  name: `layer-${layer.replace(/\W+/g, '-').replace(/^-|-$/g, '')}`,
  comment: 'A folder of src imports only from the folders above it in the list of layers.',
  severity: 'error',
  from: { path: `^src/${layer}`, pathNot: tests },
  to: {
    path: '^(src|testing|test|bench|examples|scripts)/',
    pathNot: inside([layer, ...(independent[layer] ?? layers.slice(0, i))]),
  },
}))

const packageRules = packages.map(({ name, path, only }) => ({
  name: `package-${name}`,
  comment: `Only ${only.join(' and ')} may import this package.`,
  severity: 'error',
  from: { path: '^src/', pathNot: [tests, ...inside(only)] },
  to: { path, pathNot: '^src/' },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...layerRules,
    ...packageRules,
    {
      name: 'entry-points',
      comment: 'The entry points of the library import nothing of the command line.',
      severity: 'error',
      from: { path: libraryEntries },
      to: { path: '^(src/cli|testing|test|bench|examples|scripts)/' },
    },
    {
      name: 'runs-in-browsers',
      comment: 'What a browser loads leads to nothing that only Node has.',
      severity: 'error',
      from: { path: '^src/web[.]ts$' },
      to: {
        path: '^(node:)?(crypto|fs|os|path|process|url|util|zlib)(/|$)|^node_modules/(onnxruntime-node|sharp)/',
        reachable: true,
      },
    },
    {
      name: 'known-folder',
      comment: 'Every file of src is an entry point or belongs to a folder in the list of layers.',
      severity: 'error',
      from: { path: '^src/', pathNot: [libraryEntries, tests, ...inside(layers)] },
      to: {},
    },
    {
      name: 'no-cycle',
      comment: 'Modules do not import each other in a circle.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphan',
      comment: 'Every file of src is reached from an entry point, not from its test alone.',
      severity: 'error',
      from: { path: entries },
      to: { path: '^src/', pathNot: [entries, tests], reachable: false },
    },
    {
      name: 'resolvable',
      comment: 'Every import leads to a file or an installed package.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-package',
      comment: 'What is published imports only packages that are installed with it.',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        // #onnxruntime-web is an optional peer.
        dependencyTypesNot: ['aliased-subpath-import'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Its packages need not be installed; the other folder is made when memory is measured.
    exclude: { path: '^bench/(tensorflow|built)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
