import type { References } from './cursor.ts';
import type { Resource, Template } from './template.ts';

/** The account and region that the laptop pretends to be. */
export const laptopAccountId = '000000000000';
export const laptopRegion = 'us-east-1';

/** What only a running server knows. */
export interface Endpoints {
  /** The URL of a queue, by its name. */
  queueUrl(queueName: string): string;
}

/** How each type is named: the property that may name it, the form of its ARN, what Ref gives. */
interface Naming {
  readonly nameProperty: string;
  arn(name: string): string;
  ref(name: string, endpoints: Endpoints | undefined): string | undefined;
}

const namings: Readonly<Record<string, Naming>> = {
  'AWS::S3::Bucket': {
    nameProperty: 'BucketName',
    arn: (name) => `arn:aws:s3:::${name}`,
    ref: (name) => name,
  },
  'AWS::SQS::Queue': {
    nameProperty: 'QueueName',
    arn: queueArn,
    ref: (name, endpoints) => endpoints?.queueUrl(name),
  },
  'AWS::Lambda::Function': {
    nameProperty: 'FunctionName',
    arn: functionArn,
    ref: (name) => name,
  },
  'AWS::Events::EventBus': {
    nameProperty: 'Name',
    arn: (name) => arnOf('events', `event-bus/${name}`),
    ref: (name) => name,
  },
  'AWS::Logs::LogGroup': {
    nameProperty: 'LogGroupName',
    arn: (name) => arnOf('logs', `log-group:${name}:*`),
    ref: (name) => name,
  },
};

/** The attribute of each type that is its name. */
const nameAttributes = new Set(['QueueName', 'Name']);

/**
 * The name that a resource has on the laptop: its own where the template gives one, else made from its
 * place in the construct tree (`Pilotlight/Default/PlanQueue/Resource` is `pilotlight-plan-queue`), so that
 * it reads well and stays the same from one start to the next.
 */
export function physicalName(resource: Resource): string {
  const property = namings[resource.type]?.nameProperty;
  const given = property === undefined ? undefined : resource.properties.at(property);
  return given?.optionalString() ?? nameFromPath(resource);
}

/** @param arn of a function, an alias or a version of it, or API Gateway's form of it */
export function functionNameOf(arn: string): string | undefined {
  return /(?:^|:)function:([\w-]+)/.exec(arn)?.[1];
}

export function functionArn(name: string): string {
  return arnOf('lambda', `function:${name}`);
}

export function queueArn(name: string): string {
  return arnOf('sqs', name);
}

export function queueNameOf(arn: string): string | undefined {
  return /^arn:aws:sqs:[^:]*:[^:]*:([\w.-]+)$/.exec(arn)?.[1];
}

/** What Ref and Fn::GetAtt stand for. Without endpoints a queue's URL is not known. */
export function referencesOf(template: Template, endpoints?: Endpoints): References {
  return {
    ref(logicalId) {
      const pseudo = pseudoParameter(logicalId, template.stackName);
      if (pseudo !== undefined) return pseudo;
      const resource = template.resources.get(logicalId);
      if (resource === undefined) return undefined;
      const target = qualifiedFunctionArn(resource);
      if (target !== undefined) return target;
      const naming = namings[resource.type];
      return naming === undefined ? logicalId : naming.ref(physicalName(resource), endpoints);
    },
    attribute(logicalId, attribute) {
      const resource = template.resources.get(logicalId);
      if (resource === undefined) return undefined;
      const naming = namings[resource.type];
      if (naming === undefined) return undefined;
      if (attribute === 'Arn') return naming.arn(physicalName(resource));
      if (nameAttributes.has(attribute)) return physicalName(resource);
      if (attribute === 'QueueUrl') return naming.ref(physicalName(resource), endpoints);
      return undefined;
    },
  };
}

function arnOf(service: string, resource: string): string {
  return `arn:aws:${service}:${laptopRegion}:${laptopAccountId}:${resource}`;
}

/** Ids that say what a construct is and not which: `Pilotlight/Api/Function/Resource` is `pilotlight-api`. */
const wordsOfConstructs = new Set(['Resource', 'Default', 'Function']);

function nameFromPath(resource: Resource): string {
  const path =
    resource.metadata.at('aws:cdk:path').optionalString() ??
    resource.logicalId.replace(/[0-9A-F]{8}$/, '');
  return path
    .split('/')
    .filter((part) => !wordsOfConstructs.has(part))
    .map((part) => part.replace(/([a-z0-9])([A-Z])/g, '$1-$2'))
    .join('-')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .toLowerCase();
}

/** Ref of an alias or a version is an ARN, which all the same leads to the one function that runs here. */
function qualifiedFunctionArn(resource: Resource): string | undefined {
  if (resource.type !== 'AWS::Lambda::Alias' && resource.type !== 'AWS::Lambda::Version') {
    return undefined;
  }
  const target = resource.properties.at('FunctionName').string();
  const name = functionNameOf(target) ?? target;
  const qualifier = resource.properties.at('Name').optionalString() ?? '1';
  return `${functionArn(name)}:${qualifier}`;
}

function pseudoParameter(name: string, stackName: string): string | undefined {
  switch (name) {
    case 'AWS::Region':
      return laptopRegion;
    case 'AWS::AccountId':
      return laptopAccountId;
    case 'AWS::Partition':
      return 'aws';
    case 'AWS::URLSuffix':
      return 'amazonaws.com';
    case 'AWS::StackName':
      return stackName;
    case 'AWS::StackId':
      return arnOf('cloudformation', `stack/${stackName}/laptop`);
    default:
      return undefined;
  }
}
