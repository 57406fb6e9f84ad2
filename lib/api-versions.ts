// The API versions of everything the constructs write.

export const SERVICE = { apiVersion: 'v1', kind: 'Service' };
export const SERVICE_ACCOUNT = { apiVersion: 'v1', kind: 'ServiceAccount' };
export const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' };
export const NAMESPACE = { apiVersion: 'v1', kind: 'Namespace' };
export const POD = { apiVersion: 'v1', kind: 'Pod' };
export const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment' };
export const DESTINATION_RULE = { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule' };
export const VIRTUAL_SERVICE = { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService' };
export const GATEWAY = { apiVersion: 'networking.istio.io/v1', kind: 'Gateway' };
export const SERVICE_ENTRY = { apiVersion: 'networking.istio.io/v1', kind: 'ServiceEntry' };
export const ENVOY_FILTER = { apiVersion: 'networking.istio.io/v1alpha3', kind: 'EnvoyFilter' };
export const TELEMETRY = { apiVersion: 'telemetry.istio.io/v1', kind: 'Telemetry' };
export const AUTHORIZATION_POLICY = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' };
export const PEER_AUTHENTICATION = { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication' };
export const REQUEST_AUTHENTICATION = { apiVersion: 'security.istio.io/v1', kind: 'RequestAuthentication' };
export const SERVICE_MONITOR = { apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor' };
export const POD_MONITOR = { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor' };
export const GIT_REPOSITORY = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository' };
export const HELM_REPOSITORY = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'HelmRepository' };
export const FLUX_KUSTOMIZATION = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization' };
export const HELM_RELEASE = { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease' };
export const IMAGE_REPOSITORY = { apiVersion: 'image.toolkit.fluxcd.io/v1', kind: 'ImageRepository' };
export const IMAGE_POLICY = { apiVersion: 'image.toolkit.fluxcd.io/v1', kind: 'ImagePolicy' };
export const IMAGE_UPDATE_AUTOMATION = { apiVersion: 'image.toolkit.fluxcd.io/v1', kind: 'ImageUpdateAutomation' };
