export * as istio from '@cdk8s/istio-imports';
export * from './access';
export * from './alternatives';
export * from './app-port';
export * from './canary-app';
export * from './client';
export { ErrorCode, MeshError } from './errors';
export * from './external-networks';
export * from './external-service';
export {
  type CanaryAnalysis,
  CanaryHook,
  CanaryMetric,
  type CanaryMetricOptions,
  type CanaryWebhook,
  type TemplateMetricOptions,
} from './gitops/canary-analysis';
export { FlaggerCanary, type FlaggerCanaryProps } from './gitops/flagger-canary';
export { FluxKustomization, type FluxKustomizationProps } from './gitops/flux-kustomization';
export { FluxResource } from './gitops/flux-resource';
export { GitRepository, type GitRepositoryProps } from './gitops/git-repository';
export {
  CrdsPolicy,
  DriftDetectionMode,
  type DriftIgnoreRule,
  HelmChart,
  HelmRelease,
  type HelmReleaseProps,
} from './gitops/helm-release';
export * from './gitops/helm-repository';
export * from './gitops/image-automation';
export * from './gitops/metric-template';
export * from './listener';
export * from './marked-value';
export * from './mesh-gateway';
export * from './mesh-monitors';
export * from './mesh-namespace';
export { MeshService, type MeshServiceFromNameProps } from './mesh-service';
export * from './metrics';
export * from './mutual-tls';
export * from './peer-authentication';
export * from './pod-disruption-budget';
export type { CallOptions } from './policy/call-policy';
export * from './policy/default-deny';
export * from './rate-limit';
export * from './resilience/client-tls';
export {
  type ConnectionPool,
  H2UpgradePolicy,
  type HttpPool,
  type TcpKeepalive,
  type TcpPool,
} from './resilience/connection-pool';
export { type FaultAbort, type FaultDelay, type FaultInjection, GrpcStatus } from './resilience/fault';
export * from './resilience/load-balancer';
export type { OutlierDetection } from './resilience/outlier-detection';
export { type RetryBudget, RetryOn, type RetryPolicy } from './resilience/retries';
export type { PortTrafficPolicy, TrafficPolicy } from './resilience/traffic-policy';
export { ResilienceRules, type ResilienceRulesProps } from './resilience-rules';
export * from './rollout';
export * from './routing/cookie';
export { CorsOrigin, type CorsPolicy } from './routing/cors-policy';
export * from './routing/direct-response';
export { HeaderMatch } from './routing/header-match';
export type { HeaderChanges, HeaderOperations } from './routing/header-operations';
export * from './routing/http-match';
export { PathMatch, type PathMatchOptions } from './routing/path-match';
export { QueryMatch } from './routing/query-match';
export { Redirect, RedirectCode, type RedirectOptions } from './routing/redirect';
export { RequestMatch } from './routing/request-match';
export { Rewrite } from './routing/rewrite';
export * from './routing/routing-rule';
export * from './routing/source-match';
export { MeshApp, type MeshAppProps } from './synth/mesh-app';
export * from './telemetry';
export type { ContainerOptions, ExtraContainer } from './workload/container';
export * from './workload/lifecycle';
export { type GrpcProbeOptions, type HttpProbeOptions, Probe, type ProbeOptions } from './workload/probe';
export type { RollingUpdate, WorkloadOptions } from './workload/workload';
