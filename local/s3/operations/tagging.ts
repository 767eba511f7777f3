import { checkTags } from '../attributes.ts';
import { type ObjectHandler, versionHeader } from '../context.ts';
import { findObject, versionIdOf } from '../lookup.ts';
import type { ObjectVersion } from '../model.ts';
import { emptyReply, xmlReply } from '../reply.ts';
import { parseXml, readDocument } from '../xml.ts';

export const getObjectTagging: ObjectHandler = ({ bucket: name, key, query }, { store }) => {
  const bucket = store.bucket(name);
  const version = findObject(bucket, key, versionIdOf(query));
  const tags = Object.entries(version.attributes.tags).map(([Key, Value]) => ({ Key, Value }));
  return xmlReply('Tagging', { TagSet: { Tag: tags } }, versionHeader(bucket, version));
};

export const putObjectTagging: ObjectHandler = async (request, { store }) => {
  const { bucket: name, key, query } = request;
  const document = parseXml(await readDocument(request.body()), 'Tagging');
  const [tagSet] = document.elements('TagSet');
  const pairs = (tagSet?.elements('Tag') ?? []).map(
    (tag) => [tag.requiredText('Key'), tag.requiredText('Value')] as const,
  );
  const bucket = store.bucket(name);
  const version = findObject(bucket, key, versionIdOf(query));
  store.amendObject(name, key, withTags(version, checkTags(pairs)));
  return emptyReply(200, versionHeader(bucket, version));
};

export const deleteObjectTagging: ObjectHandler = ({ bucket: name, key, query }, { store }) => {
  const bucket = store.bucket(name);
  const version = findObject(bucket, key, versionIdOf(query));
  store.amendObject(name, key, withTags(version, {}));
  return emptyReply(204, versionHeader(bucket, version));
};

function withTags(version: ObjectVersion, tags: Readonly<Record<string, string>>): ObjectVersion {
  return { ...version, attributes: { ...version.attributes, tags } };
}
