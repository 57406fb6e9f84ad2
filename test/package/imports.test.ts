import { istio } from 'cdk8s-istio';

test('the package has the L1 classes of all 15 kinds of Istio, in their newest version', () => {
  const kinds = Object.values(istio).flatMap((value) => ('GVK' in value ? [`${value.GVK.apiVersion} ${value.GVK.kind}`] : []));
  expect(kinds.sort()).toEqual([
    'extensions.istio.io/v1alpha1 TrafficExtension',
    'extensions.istio.io/v1alpha1 WasmPlugin',
    'networking.istio.io/v1 DestinationRule',
    'networking.istio.io/v1 Gateway',
    'networking.istio.io/v1 ServiceEntry',
    'networking.istio.io/v1 Sidecar',
    'networking.istio.io/v1 VirtualService',
    'networking.istio.io/v1 WorkloadEntry',
    'networking.istio.io/v1 WorkloadGroup',
    'networking.istio.io/v1alpha3 EnvoyFilter',
    'networking.istio.io/v1beta1 ProxyConfig',
    'security.istio.io/v1 AuthorizationPolicy',
    'security.istio.io/v1 PeerAuthentication',
    'security.istio.io/v1 RequestAuthentication',
    'telemetry.istio.io/v1 Telemetry',
  ]);
});
