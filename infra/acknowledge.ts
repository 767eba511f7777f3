import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * A finding of a check that this project has weighed: it stands beside its cause, with the reason.
 * @param id pack and rule, as the check's report says them
 */
export function acknowledge(scope: IConstruct, id: string, reason: string): void {
  Validations.of(scope).acknowledge({ id, reason });
}

/** A policy's resource with a wildcard in it, which cdk-nag names one by one. */
export function acknowledgeWildcard(scope: IConstruct, resource: string, reason: string): void {
  const text = flatten(Stack.of(scope).resolve(resource));
  acknowledge(scope, `AwsSolutions::AwsSolutions-IAM5[Resource::${text}]`, reason);
}

/** A managed policy of AWS. */
export function acknowledgeManagedPolicy(scope: IConstruct, policy: string, reason: string): void {
  const arn = `arn:<AWS::Partition>:iam::aws:policy/${policy}`;
  acknowledge(scope, `AwsSolutions::AwsSolutions-IAM4[Policy::${arn}]`, reason);
}

/** A value of a template as cdk-nag writes it: `<Models.Arn>/*`. */
function flatten(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return String(value);
  const [[name, argument] = []] = Object.entries(value);
  if (name === 'Ref') return `<${argument}>`;
  if (name === 'Fn::GetAtt' && Array.isArray(argument)) return `<${argument.join('.')}>`;
  if (name === 'Fn::Join' && Array.isArray(argument)) {
    const [separator, parts]: unknown[] = argument;
    if (Array.isArray(parts)) return parts.map(flatten).join(String(separator));
  }
  return JSON.stringify(value);
}
