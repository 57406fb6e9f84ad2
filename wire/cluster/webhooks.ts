import { hubAddress } from './network';

export const systemNamespace = 'istio-system';
const service = { name: 'istiod', namespace: systemNamespace };
const validator = 'istio-validator-istio-system';
const injector = 'istio-sidecar-injector';

/** Where both webhooks stand once istiod has found that the API server reaches it. */
export const webhookProbes = [
  { kind: 'validatingwebhookconfiguration', name: validator, path: '{.webhooks[0].failurePolicy}', ready: /^Fail$/ },
  { kind: 'mutatingwebhookconfiguration', name: injector, path: '{.webhooks[0].clientConfig.caBundle}', ready: /./ },
];

/**
 * What istiod adds to a pod: a container that names the role of its proxy, and beside an app the label that tells callers to use mTLS.
 * The real template says a screen more about the container; here that is `sidecar.ts`, since no kubelet will read it.
 */
export const injection = {
  policy: 'enabled',
  defaultTemplates: ['sidecar'],
  templates: { sidecar: template('sidecar', { 'security.istio.io/tlsMode': 'istio' }), gateway: template('router') },
};

function template(role: string, labels: Record<string, string> = {}): string {
  return JSON.stringify({
    metadata: { labels },
    // So long does the stand-in for the kubelet drain a pod; a namespace is given up after half the longest of its pods' periods.
    spec: {
      terminationGracePeriodSeconds: 2,
      containers: [{ name: 'istio-proxy', image: 'istio/proxyv2', args: ['proxy', role] }],
    },
  });
}

/** istiod's Service, with the address where it really runs, and the two webhooks of an ordinary installation. */
export function webhookObjects(): object[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: service,
      spec: { ports: [{ name: 'https-webhook', port: 443, targetPort: 15017 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...service, labels: { 'kubernetes.io/service-name': service.name } },
      addressType: 'IPv4',
      ports: [{ name: 'https-webhook', port: 15017 }],
      endpoints: [{ addresses: [hubAddress] }],
    },
    validatingWebhook(),
    mutatingWebhook(),
  ];
}

function validatingWebhook(): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: validator, labels: { 'istio.io/rev': 'default' } },
    webhooks: [
      {
        name: 'rev.validation.istio.io',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Ignore',
        clientConfig: { service: { ...service, path: '/validate' } },
        rules: [
          {
            apiGroups: ['networking.istio.io', 'security.istio.io', 'telemetry.istio.io', 'extensions.istio.io'],
            apiVersions: ['*'],
            resources: ['*'],
            operations: ['CREATE', 'UPDATE'],
          },
        ],
      },
    ],
  };
}

function mutatingWebhook(): object {
  const webhook = {
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    clientConfig: { service: { ...service, path: '/inject' } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
  };
  const label = 'sidecar.istio.io/inject';
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: injector, labels: { 'istio.io/rev': 'default' } },
    webhooks: [
      {
        ...webhook,
        name: 'namespace.sidecar-injector.istio.io',
        namespaceSelector: { matchLabels: { 'istio-injection': 'enabled' } },
        objectSelector: { matchExpressions: [{ key: label, operator: 'NotIn', values: ['false'] }] },
      },
      {
        ...webhook,
        name: 'object.sidecar-injector.istio.io',
        namespaceSelector: { matchExpressions: [{ key: 'istio-injection', operator: 'DoesNotExist' }] },
        objectSelector: { matchLabels: { [label]: 'true' } },
      },
    ],
  };
}
