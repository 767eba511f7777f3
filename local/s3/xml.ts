import { XMLBuilder, XMLParser, XMLValidator } from 'fast-xml-parser';
import { S3Error } from './errors.ts';

const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** A document of 10,000 parts with checksums, or of 1,000 keys of the longest kind, is below this. */
const bodyLimitBytes = 8 * 1024 * 1024;

/** Elements by name; an array repeats its element; undefined leaves it out. */
export interface XmlContent {
  readonly [element: string]: XmlValue | readonly XmlValue[] | undefined;
}
export type XmlValue = string | number | boolean | XmlContent;

const builder = new XMLBuilder({
  ignoreAttributes: false,
  processEntities: false,
  tagValueProcessor: (_, value) => escapeText(String(value)),
});

// Numeric character references are read only with `htmlEntities`.
const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  htmlEntities: true,
  ignoreDeclaration: true,
  removeNSPrefix: true,
});

/** An answer's body: declaration, root element in S3's namespace, content. */
export function buildXml(root: string, content: XmlContent): string {
  return build({ [root]: { '@_xmlns': namespace, ...content } });
}

/** The body of an error, which has no namespace. */
export function buildErrorXml(content: XmlContent): string {
  return build({ Error: content });
}

function build(document: XmlContent): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build(document)}`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Also escapes what XML parsers would change (carriage return, line feed, tab) or refuse (other controls). */
function escapeText(text: string): string {
  return text.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they may stand in keys
    /[&<>"\u0000-\u001f\u007f\ufffe\uffff]/g,
    (character) =>
      entities[character] ?? `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`,
  );
}

/** One element of a parsed document, read by the names of its children. */
export class XmlElement {
  readonly #children: Readonly<Record<string, unknown>>;

  constructor(children: Readonly<Record<string, unknown>>) {
    this.#children = children;
  }

  /** The text of a child; undefined when it is not there. @throws S3Error MalformedXML when it has elements in it */
  text(name: string): string | undefined {
    const value = this.#children[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw new S3Error('MalformedXML');
    return value;
  }

  /** The text of a child that must be there. @throws S3Error MalformedXML */
  requiredText(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw new S3Error('MalformedXML');
    return text;
  }

  /** All children of a name. @throws S3Error MalformedXML when one holds text only */
  elements(name: string): readonly XmlElement[] {
    const value = this.#children[name];
    if (value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map(elementOf);
  }
}

function elementOf(value: unknown): XmlElement {
  if (value === '') return new XmlElement({});
  if (typeof value !== 'object' || value === null) throw new S3Error('MalformedXML');
  return new XmlElement(value as Readonly<Record<string, unknown>>);
}

/** Reads a request's XML. @throws S3Error MalformedXML or MissingRequestBodyError */
export function parseXml(bytes: Buffer, root: string): XmlElement {
  const text = bytes.toString('utf8');
  if (text.trim() === '') throw new S3Error('MissingRequestBodyError');
  // No request has a document type, and its entities could be made to grow without end.
  if (text.includes('<!DOCTYPE') || XMLValidator.validate(text) !== true) {
    throw new S3Error('MalformedXML');
  }
  let document: unknown;
  try {
    document = parser.parse(text);
  } catch {
    throw new S3Error('MalformedXML');
  }
  const [element] = elementOf(document).elements(root);
  if (element === undefined) throw new S3Error('MalformedXML');
  return element;
}

/** A whole body that is a small document. @throws S3Error MalformedXML when it is larger than any valid one */
export async function readDocument(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > bodyLimitBytes) throw new S3Error('MalformedXML');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
