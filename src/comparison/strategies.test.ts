import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.ts'
import { choicesIn } from '../transfer/choices.ts'
import { needBackbone, strategiesNamed } from './strategies.ts'

const none = { backbone: null, normalization: null }
const given = { backbone: { name: 'b.onnx', graph: createBuilder().build() }, normalization: null }
const namesOf = (list: string, options = given) =>
  strategiesNamed(list, options).map(({ name }) => name)

test('strategies come in their usual order, once each', () => {
  expect(namesOf('transfer, scratch,transfer')).toEqual(['scratch', 'transfer'])
  expect(namesOf('transfer')).toEqual(['transfer'])
})

test('a strategy that cannot be tried says why, as long as another one can', () => {
  const [scratch, transfer] = strategiesNamed('scratch,transfer', none)
  expect(scratch?.unavailable).toBeNull()
  expect(transfer?.unavailable).toMatch(/--backbone/)
  expect(() => strategiesNamed('transfer', none)).toThrow(
    /^no strategy can be tried: transfer: no backbone was given/,
  )
  expect(() => strategiesNamed('transfer', none, { missing: 'Graft is offline' })).toThrow(
    /transfer: no backbone was given.*; Graft is offline$/,
  )
})

test.each(['magic', '', 'scratch,', 'constructor'])('"%s" is no list of strategies', (list) => {
  expect(() => strategiesNamed(list, given)).toThrow(/there is no strategy ".*scratch,transfer/)
})

test('says which strategies of a list need a backbone', () => {
  const names = (list: string) => needBackbone(list).map(({ name }) => name)
  expect(names('scratch,transfer')).toEqual(['transfer'])
  expect(names('scratch')).toEqual([])
  expect(() => needBackbone('magic')).toThrow(/there is no strategy "magic"/)
})

test('a folder of images without labels is for strategies that look at it', () => {
  const names = (list: string) =>
    strategiesNamed(list, given, { unlabelled: 'more' }).map(({ name }) => name)
  expect(names('scratch,rotation')).toEqual(['scratch', 'rotation'])
  expect(() => names('scratch,transfer')).toThrow(
    /^--unlabelled is for a strategy that learns from images without labels: add one such as rotation/,
  )
  expect(() => names('labelled')).toThrow('--unlabelled')
})

test('every variant of a method is a strategy, the usual one under the name of the method', () => {
  expect(namesOf('gan-matching,autoencoder-stacked,gan,contrastive')).toEqual([
    'autoencoder-stacked',
    'gan',
    'gan-matching',
    'contrastive',
  ])
  expect(() => namesOf('gan-nonsaturating')).toThrow(/there is no strategy "gan-nonsaturating"/)
})

test.each([
  [{ choices: choicesIn({ thaw: 0 }) }, 'scratch', /^--reuse.* reuse a network/],
  [{ easyLabels: { related: null, rule: () => 0 } }, 'scratch,rotation', /^--rule .*: add rules/],
])('an option that no strategy of the list has a use for is an error', (options, list, message) => {
  expect(() => strategiesNamed(list, { ...given, ...options })).toThrow(message)
})
