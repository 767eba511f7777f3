/*
 * Documents of the protocol that one program wrote differ in little: the id, and the numbers of their tensors. Where these
 * stand in one of them, and what stands between, tells how to read and write all that are like it.
 */

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Bytes of a document, from the first to behind the last. */
export interface Place {
  readonly kind: 'id' | 'data';
  readonly start: number;
  readonly end: number;
}

/**
 * Where a document's id (what stands between its quotes) and the lists of its tensors' data (with their brackets) stand.
 *
 * @param member what the tensors are called: `inputs` or `outputs`
 * @returns undefined when they are not written plainly: data that are no numbers, an id that is no plain ASCII, another
 *   member that could be taken for one of them
 */
export function findPlaces(
  json: Uint8Array,
  member: 'inputs' | 'outputs',
): readonly Place[] | undefined {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
  const places: Place[] = [];
  for (let from = 0; ; ) {
    const start = startOfValue(bytes, '"data"', from);
    if (start === undefined) break;
    const end = endOfNumbers(bytes, start);
    if (end === undefined) return undefined;
    places.push({ kind: 'data', start, end });
    from = end;
  }
  const idStart = startOfValue(bytes, '"id"', 0);
  if (idStart !== undefined) {
    const end = endOfPlainString(bytes, idStart);
    if (end === undefined) return undefined;
    places.push({ kind: 'id', start: idStart + 1, end: end - 1 });
    places.sort((left, right) => left.start - right.start);
  }
  return areThose(bytes, places, member) ? places : undefined;
}

/** What stands before each place, and behind the last. */
export function literalsBetween(json: Uint8Array, places: readonly Place[]): Uint8Array[] {
  const ends = [0, ...places.map(({ end }) => end)];
  return ends.map((end, index) => json.subarray(end, places[index]?.start ?? json.byteLength));
}

/** Where the value of the next member of that name begins; a string that is no key, such as a tensor's name, is passed over. */
function startOfValue(bytes: Buffer, key: string, from: number): number | undefined {
  for (let at = from; ; ) {
    at = bytes.indexOf(key, at, 'latin1');
    if (at < 0) return undefined;
    at = skipSpace(bytes, at + key.length);
    if (bytes[at] === colon) return skipSpace(bytes, at + 1);
  }
}

/** Place behind a list of numbers, or of lists of them. */
function endOfNumbers(bytes: Uint8Array, start: number): number | undefined {
  let depth = 0;
  for (let place = start; place < bytes.length; place++) {
    const byte = bytes[place] ?? 0;
    if (byte === openBracket) depth += 1;
    else if (byte === closeBracket) depth -= 1;
    else if (!isOfNumbers(byte)) return undefined;
    if (depth === 0) return byte === closeBracket ? place + 1 : undefined;
  }
  return undefined;
}

const charactersOfNumbers = new Set(Buffer.from('0123456789+-.eE, \t'));

function isOfNumbers(byte: number): boolean {
  return charactersOfNumbers.has(byte);
}

/** Place behind a string without escapes. */
function endOfPlainString(bytes: Uint8Array, start: number): number | undefined {
  if (bytes[start] !== quote) return undefined;
  const end = endOfPlainText(bytes, start + 1);
  return bytes[end] === quote ? end + 1 : undefined;
}

/** Place of the first byte that a string cannot hold as it is, or that is no ASCII. */
export function endOfPlainText(bytes: Uint8Array, start: number): number {
  let place = start;
  for (;;) {
    const byte = bytes[place] ?? 0;
    if (byte < 0x20 || byte >= 0x7f || byte === quote || byte === backslash) return place;
    place++;
  }
}

/**
 * Whether the document with an id of our own, and with empty lists, is one whose id is that one, and whose tensors' data are
 * empty: then they are what they seem.
 */
function areThose(bytes: Buffer, places: readonly Place[], member: 'inputs' | 'outputs'): boolean {
  const literals = literalsBetween(bytes, places).map((literal) => Buffer.from(literal).toString());
  // Longer than any other id that the document may have as well, which would count instead or beside it.
  const id = 'x'.repeat(literals.join('').length + 1);
  const fillings = { id, data: '[]' };
  let document: unknown;
  try {
    document = JSON.parse(
      literals
        .map((literal, index) => {
          const place = places[index];
          return place === undefined ? literal : `${literal}${fillings[place.kind]}`;
        })
        .join(''),
    );
  } catch {
    return false;
  }
  if (typeof document !== 'object' || document === null) return false;
  const tensors: unknown = Reflect.get(document, member);
  const lists = places.filter(({ kind }) => kind === 'data').length;
  return (
    Reflect.get(document, 'id') === (places.length > lists ? id : undefined) &&
    Array.isArray(tensors) &&
    tensors.length === lists &&
    tensors.every(hasEmptyData)
  );
}

function hasEmptyData(tensor: unknown): boolean {
  if (typeof tensor !== 'object' || tensor === null || !('data' in tensor)) return false;
  return Array.isArray(tensor.data) && tensor.data.length === 0;
}

/** White space within a line. */
export function skipSpace(bytes: Uint8Array, start: number): number {
  let place = start;
  while (bytes[place] === 0x20 || bytes[place] === 0x09) place++;
  return place;
}
