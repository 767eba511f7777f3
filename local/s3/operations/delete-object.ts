import { RequestBody } from '../body.ts';
import {
  checkWriteConditions,
  parseWriteConditions,
  unquoted,
  type WriteConditions,
} from '../conditions.ts';
import type { BucketHandler, ObjectHandler } from '../context.ts';
import { S3Error } from '../errors.ts';
import { versionIdOf } from '../lookup.ts';
import { currentObject } from '../model.ts';
import { emptyReply, xmlReply } from '../reply.ts';
import type { Deletion, Store } from '../store.ts';
import { parseXml, readDocument, type XmlContent, type XmlElement } from '../xml.ts';

/** The most keys that one DeleteObjects may name. */
const deleteLimit = 1000;

export const deleteObject: ObjectHandler = (request, { store }) => {
  const { bucket, key, query } = request;
  const { versionId, deleteMarker } = deleteUnderConditions(
    store,
    bucket,
    key,
    versionIdOf(query),
    parseWriteConditions(request),
  );
  return emptyReply(204, {
    ...(versionId === undefined ? {} : { 'x-amz-version-id': versionId }),
    ...(deleteMarker ? { 'x-amz-delete-marker': 'true' } : {}),
  });
};

export const deleteObjects: BucketHandler = async (request, { store }) => {
  const { bucket } = request;
  store.bucket(bucket);
  const body = new RequestBody(request);
  if (body.promisedAlgorithm === undefined && request.header('content-md5') === undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
    });
  }
  const document = parseXml(await readDocument(body.bytes()), 'Delete');
  const objects = document.elements('Object');
  if (objects.length === 0 || objects.length > deleteLimit) throw new S3Error('MalformedXML');
  const quiet = document.text('Quiet') === 'true';
  const deleted: XmlContent[] = [];
  const errors: XmlContent[] = [];
  for (const object of objects) {
    const key = object.requiredText('Key');
    const versionId = object.text('VersionId');
    try {
      deleted.push(deleteOne(store, bucket, key, versionId, object));
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      errors.push({ Key: key, VersionId: versionId, Code: error.code, Message: error.message });
    }
  }
  return xmlReply('DeleteResult', { Deleted: quiet ? [] : deleted, Error: errors });
};

function deleteOne(
  store: Store,
  bucket: string,
  key: string,
  versionId: string | undefined,
  object: XmlElement,
): XmlContent {
  const etag = object.text('ETag');
  const deletion = deleteUnderConditions(store, bucket, key, versionId, {
    ifMatch: etag === undefined ? undefined : unquoted(etag),
    ifNoneMatch: undefined,
  });
  return {
    Key: key,
    VersionId: versionId,
    ...(deletion.deleteMarker
      ? { DeleteMarker: true, DeleteMarkerVersionId: deletion.versionId }
      : {}),
  };
}

function deleteUnderConditions(
  store: Store,
  bucket: string,
  key: string,
  versionId: string | undefined,
  conditions: WriteConditions,
): Deletion {
  checkWriteConditions(conditions, currentObject(store.bucket(bucket), key), key);
  return store.deleteObject(bucket, key, versionId);
}
