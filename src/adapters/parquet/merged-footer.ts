import type { FileMetaData, RowGroup } from 'hyparquet';
import { ServingError } from '../../errors.ts';

/** What a file begins and ends with. */
export const magic = Buffer.from('PAR1');
/** Of the footer's length, which stands behind it. */
const lengthBytes = 4;

/** A footer in Thrift's compact protocol, without its length and the letters behind it. */
type Encode = (metadata: FileMetaData) => Uint8Array;

/** What is merged of no files: no rows of no columns. */
const nothing: FileMetaData = {
  version: 2,
  schema: [{ name: 'root', num_children: 0 }],
  num_rows: 0n,
  row_groups: [],
  metadata_length: 0,
};

/**
 * A footer whose row groups are kept as the bytes that they are written as: as objects they take ten times as much.
 * In the compact protocol a list is a header with its length and then its elements, each the same wherever it stands.
 */
export class MergedFooter {
  readonly #encode: Encode;
  #file: FileMetaData = nothing;
  #columns: string | undefined;
  #rows = 0n;
  readonly #groups: Uint8Array[] = [];
  /** Of the footer, behind its row groups. */
  #bytesBehind = 0;

  static async create(): Promise<MergedFooter> {
    const { ByteWriter } = await import('hyparquet-writer/src/bytewriter.js');
    const { writeMetadata } = await import('hyparquet-writer/src/metadata.js');
    return new MergedFooter((metadata) => {
      const writer = new ByteWriter();
      writeMetadata(writer, metadata);
      return writer.getBytes().subarray(0, -lengthBytes);
    });
  }

  private constructor(encode: Encode) {
    this.#encode = encode;
  }

  /**
   * Takes over what a file says of itself as a whole: the first one for all.
   *
   * @throws ServingError INTERNAL when its columns are not those of the first one
   */
  begin(name: string, metadata: FileMetaData): void {
    const columns = JSON.stringify(metadata.schema);
    if (this.#columns === undefined) {
      this.#columns = columns;
      this.#file = { ...metadata, row_groups: [] };
    } else if (this.#columns !== columns) {
      throw new ServingError('INTERNAL', `${name}: expected the columns of the first part`);
    }
  }

  /** @param group with its places in the merged file */
  add(group: RowGroup): void {
    const none = this.#encodeWith(0n, []);
    const one = this.#encodeWith(0n, [group]);
    // They differ from the header of the list on.
    const header = none.findIndex((byte, place) => byte !== one[place]);
    this.#bytesBehind = none.byteLength - header - 1;
    this.#groups.push(one.slice(header + 1, one.byteLength - this.#bytesBehind));
    this.#rows += group.num_rows;
  }

  /** The end of the file: its footer, how long that is, and the letters. */
  encode(): Uint8Array {
    const none = this.#encodeWith(this.#rows, []);
    const header = none.byteLength - this.#bytesBehind - 1;
    const footer =
      this.#groups.length === 0
        ? [none]
        : [
            none.subarray(0, header),
            listHeader(this.#groups.length),
            ...this.#groups,
            none.subarray(header + 1),
          ];
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt32LE(footer.reduce((sum, { byteLength }) => sum + byteLength, 0));
    return Buffer.concat([...footer, length, magic]);
  }

  #encodeWith(rows: bigint, groups: RowGroup[]): Uint8Array {
    return this.#encode({ ...this.#file, num_rows: rows, row_groups: groups });
  }
}

/** Of a list of structs: up to 14 with its length in four bits, otherwise with a variable-length integer behind them. */
function listHeader(elements: number): Uint8Array {
  const struct = 12;
  if (elements <= 14) return Uint8Array.of((elements << 4) | struct);
  const bytes = [0xf0 | struct];
  for (let left = elements; left > 0; left = Math.floor(left / 128)) {
    bytes.push((left % 128) | (left >= 128 ? 128 : 0));
  }
  return Uint8Array.from(bytes);
}
