import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.ts'
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
