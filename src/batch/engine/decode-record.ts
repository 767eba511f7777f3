import { decodeUtf8 } from '../../tasks/wire/bytes.ts';
import { maximumRecordBytes } from '../source-record.ts';

/** The text of a record. @throws ServingError INVALID_REQUEST for other bytes than UTF-8 */
export function decodeRecord(bytes: Uint8Array): string {
  return decodeUtf8(bytes, 'record', maximumRecordBytes);
}
