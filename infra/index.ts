/**
 * What `pilotlight/infra` offers to other people's CDK apps: the package's one entry, and so its one file that only
 * passes names on.
 */
export { ComputeProfile } from './compute-profile.ts';
export { ConfigurationError } from './configuration-error.ts';
export { EndpointAccess } from './endpoint-access.ts';
export { InferenceService } from './inference-service.ts';
export type { InferenceServiceProps } from './inference-service-props.ts';
