import fc from 'fast-check';
import type { Datatype } from '../../src/protocol/tensor.ts';

/** Inputs of many datatypes, each cast to one that is written in rows; `t` is not. */
export const datatypes: readonly (readonly [string, Datatype, Datatype])[] = [
  ['x', 'FP32', 'FP32'],
  ['d', 'FP64', 'FP32'],
  ['k', 'INT64', 'INT64'],
  ['u', 'UINT64', 'INT64'],
  ['ü', 'BOOL', 'INT32'],
  ['constructor', 'UINT8', 'INT32'],
];

/** Ids that are plain. */
export const id = fc.stringMatching(/^[ !#-[\]-~]{0,12}$/);

const float = fc.float({ noNaN: true, noDefaultInfinity: true, max: 2 ** 120, min: -(2 ** 120) });
/** Twice of it is an INT32: what is larger is written one by one. */
const integer = fc.integer({ min: -(2 ** 30), max: 2 ** 30 - 1 });
export interface Values {
  readonly id: string;
  readonly x: readonly [number, number];
  readonly k: number;
}
export const values = fc.record({ id, x: fc.tuple(float, float), k: integer });

/** Ways in which one program writes all of its requests. */
export const styles: Readonly<Record<string, (values: Values) => string>> = {
  compact: ({ x, k }) =>
    `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[${x}]},{"name":"k","shape":[1],"datatype":"INT64","data":[${k}]}]}`,
  'with ids and spaces': ({ id, x, k }) =>
    `{"id": "${id}", "inputs": [{"name": "k", "shape": [1], "datatype": "INT64", "data": [${k}]}, {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [${x[0]}, ${x[1]}]}]}`,
  'nested, with the id behind': ({ id, x, k }) =>
    `{"inputs":[{"data":[[${x}]],"name":"x","shape":[1,2],"datatype":"FP32"},{"name":"k","data":[${k}],"shape":[1],"datatype":"INT64"}],"id":"${id}"}`,
  'several rows, and one output asked for': ({ id, x, k }) =>
    `{"id":"${id}","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[${x}],[${x}]]},{"name":"k","shape":[2],"datatype":"INT64","data":[${k},1]}],"outputs":[{"name":"z"}],"parameters":{"data":7}}`,
};

/** What numbers may look like, good and bad ones, for any datatype. */
export const numberText = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 255 }).map(String) },
  { weight: 4, arbitrary: fc.constantFrom('0', '1') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...[
        '-0',
        '-0.0',
        '0.0',
        '1e2',
        '1E+2',
        '2.5e-1',
        '1.0',
        '7 ',
        ' 7',
        '255',
        '256',
        '-1',
        '0.5',
      ],
      ...['0.1000000000000000055511151231257827', '3.4028235677973366e38', '3.4028234663852886e38'],
      ...['1e-46', '5e-324', '1e39', '1e400', '9007199254740991', '9007199254740992'],
      ...['9007199254740993', '18446744073709551615', '18446744073709551616', '1234567890123456.0'],
      ...['123456789', '1234567890', '4294967296', '2147483648', '01', '1.', '.5', '+1', '1e', '-'],
      ...['true', 'null', '"1"', '[1]', '', 'NaN'],
    ),
  },
  { weight: 1, arbitrary: fc.double({ noNaN: true }).map(String) },
  { weight: 1, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }).map(String) },
);

/** Members that stand where nobody expects them: they are those of the document, or of a tensor, or in a string. */
const oddMember = fc.constantFrom(
  ...[
    '"id":""',
    '"id":"b"',
    '"id":null',
    '"\\u0069d":""',
    '"\\u0069d":"c"',
    '"data":[]',
    '"data":[1]',
  ],
  ...['"d\\u0061ta":[]', '"d\\u0061ta":[1]', '"parameters":{"id":"x"}', '"parameters":{"data":1}'],
  ...['"parameters":{"binary_data_output":true}', '"note":"\\"id\\":\\"x\\""', '"note":"id"'],
  ...[
    '"note":"data"',
    '"inputs":[]',
    '"outputs":[]',
    '"outputs":[{"name":"of k"},{"name":"of x"}]',
  ],
  ...['"outputs":[{"name":"of x","parameters":{"classification":1}}]', '"outputs":[{"name":"t"}]'],
  ...[
    '"__proto__":{"id":"p"}',
    '"shape":[1]',
    '"extra":{"inputs":[{"data":[1]}]}',
    '"é":"\\ud800"',
  ],
);

/** How a program writes its requests: the order of things, white space, and what it should not write. */
export const program = fc.record({
  rows: fc.constantFrom(1, 1, 2, 0),
  order: fc.shuffledSubarray([...datatypes], { minLength: datatypes.length }),
  idAt: fc.constantFrom('first', 'last', 'none'),
  dataAt: fc.integer({ min: 0, max: 3 }),
  space: fc.constantFrom('', '', ' ', '\t', '  '),
  odd: fc.array(
    fc.tuple(oddMember, fc.constantFrom('before', 'behind', 'in the first tensor', 'in the last')),
    { maxLength: 2 },
  ),
});
type Program = typeof program extends fc.Arbitrary<infer T> ? T : never;

/** @param numbers two for each tensor, as they are written */
export function writeRequest(
  { rows, order, idAt, dataAt, space, odd }: Program,
  id: string,
  numbers: readonly string[],
): string {
  const oddAt = (place: string) => odd.filter(([, at]) => at === place).map(([member]) => member);
  const comma = `${space},`;
  const tensors = order.map(([name, datatype], index) => {
    const values = Array.from({ length: rows }, (_, row) => numbers[index * 2 + row] ?? '1');
    const members = [`"name":"${name}"`, `"datatype":"${datatype}"`, `"shape":[${rows}]`];
    members.splice(dataAt, 0, `"data"${space}:${space}[${values.join(comma)}${space}]`);
    if (index === 0) members.push(...oddAt('in the first tensor'));
    if (index === order.length - 1) members.unshift(...oddAt('in the last'));
    return `{${members.join(comma)}}`;
  });
  const idMember = `"id"${space}:${space}"${id}"`;
  const members = [
    ...oddAt('before'),
    ...(idAt === 'first' ? [idMember] : []),
    `"inputs":${space}[${tensors.join(comma)}]`,
    ...(idAt === 'last' ? [idMember] : []),
    ...oddAt('behind'),
  ];
  return `{${members.join(comma)}}`;
}
