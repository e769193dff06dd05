import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema, StringStringEntryProtoSchema, TensorProto_DataLocation } from 'onnx-buf'
import { describe, expect, test } from 'vitest'
import { folderOf } from '../../testing/test-folder.ts'
import { createBuilder } from './builder.ts'
import { readModelFile } from './read-file.ts'
import { float32 } from './tensor.ts'
import { writeModel } from './write.ts'

const values = Float32Array.of(1, 2, 3, 4, 5, 6)
const weights = new Uint8Array(values.buffer)

/** y = x w, where w lies in another file. */
function modelWith(entries: Readonly<Record<string, string>>): Uint8Array {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['N', 3])
  builder.output(builder.op('MatMul', [x, builder.parameter('w', float32([3, 2], values))]))
  const model = fromBinary(ModelProtoSchema, writeModel(builder.build()))
  for (const tensor of model.graph?.initializer ?? []) {
    tensor.rawData = new Uint8Array()
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL
    tensor.externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    )
  }
  return toBinary(ModelProtoSchema, model)
}

const between = (before: number, after: number) =>
  Uint8Array.of(...new Uint8Array(before).fill(9), ...weights, ...new Uint8Array(after).fill(7))

describe('weights in another file of the folder are read', () => {
  test.each<[string, Record<string, string>, string, Uint8Array]>([
    ['a whole file', { location: 'w.bin' }, 'w.bin', weights],
    ['the beginning of one', { location: 'w.bin' }, 'w.bin', between(0, 5)],
    [
      'a part of one, at an odd place',
      { location: 'w.bin', offset: '3', length: '24' },
      'w.bin',
      between(3, 2),
    ],
    ['a file further down', { location: 'parts/w.bin' }, 'parts/w.bin', weights],
    ['a file with dots in its name', { location: '..w.bin' }, '..w.bin', weights],
  ])('%s', async (_, entries, name, content) => {
    const folder = await folderOf({ 'model.onnx': modelWith(entries), [name]: content })
    const { initializers } = await readModelFile(join(folder, 'model.onnx'))
    expect(initializers.get('w')).toEqual(float32([3, 2], values))
  })

  test('also by way of a link that stays in the folder', async () => {
    const folder = await folderOf({
      'model.onnx': modelWith({ location: 'link' }),
      'w.bin': weights,
    })
    symlinkSync('w.bin', join(folder, 'link'))
    const { initializers } = await readModelFile(join(folder, 'model.onnx'))
    expect(initializers.get('w')?.data).toEqual(values)
  })
})

describe('weights that are not there are refused, with the name of the model and what to do', () => {
  const outside = /outside the folder of the model: put that file beside the model/
  test.each<[string, Record<string, string>, RegExp]>([
    ['a folder up', { location: '../w.bin' }, outside],
    ['a folder up in the end', { location: 'parts/../../w.bin' }, outside],
    ['a folder up, as on Windows', { location: 'parts\\..\\..\\w.bin' }, outside],
    ['an absolute path', { location: '/etc/hostname' }, outside],
    ['an absolute path, as on Windows', { location: 'C:\\w.bin' }, outside],
    ['a link that leads out', { location: 'escape' }, outside],
    ['no such file', { location: 'v.bin' }, /"v.bin", which is not there: put that file beside/],
    ['a folder', { location: 'parts' }, /"parts", which is no file/],
    ['no location', {}, /initializer "w" names no file for its values/],
    [
      'a file that is too short',
      { location: 'w.bin', offset: '8' },
      /initializer "w" should be 24 bytes at 8 of "w.bin", which has 24: get that file again/,
    ],
    [
      'too few bytes',
      { location: 'w.bin', length: '20' },
      /initializer "w" is 24 bytes, but the model places 20 at 0 of "w.bin"/,
    ],
    [
      'an offset that is none',
      { location: 'w.bin', offset: '-4' },
      /but the model places 24 at -4 of "w.bin"/,
    ],
  ])('%s', async (_, entries, message) => {
    const folder = await folderOf({
      'secret.bin': weights,
      'w.bin': weights,
      'model/parts/w.bin': weights,
      'model/w.bin': weights,
      'model/model.onnx': modelWith(entries),
    })
    symlinkSync('../secret.bin', join(folder, 'model', 'escape'))
    const path = join(folder, 'model', 'model.onnx')
    const error = await readModelFile(path).catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ name: 'GraftError', code: 'bad-model' })
    expect((error as Error).message).toMatch(message)
    expect((error as Error).message.startsWith(`${path}: `)).toBe(true)
  })
})

test('a model file that is not there, or is a folder, is refused', async () => {
  const folder = await folderOf({})
  await expect(readModelFile(join(folder, 'no.onnx'))).rejects.toThrow('no such file')
  await expect(readModelFile(folder)).rejects.toThrow('is a folder, not an ONNX file')
})
