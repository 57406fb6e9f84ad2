import { describePage } from '../support/pages';
import { schemaMistakes } from '../support/schemas';
import { one } from '../support/synth';
import { changedLines, diffOfDist, synthFolders } from '../support/systems';

const SYSTEM = { name: 'otus', file: 'systems/otus.ts' };
const manifests = synthFolders(SYSTEM).get('otus') ?? [];

describePage({ name: 'otus', system: SYSTEM.name, file: SYSTEM.file });

describe('the homework', () => {
  test('is valid against the CRDs of all versions of Istio', () => {
    expect(manifests.length).toBeGreaterThan(10);
    expect(schemaMistakes(manifests)).toEqual([]);
  });

  test.each(['v1', 'v2'])('runs the one image as %s by its configuration alone', (version) => {
    const { strategy, replicas, template } = one(manifests, 'Deployment', `hw4-${version}`).spec;
    const [container] = template.spec.containers;
    expect(one(manifests, 'ConfigMap', `hw4-${version}`).data?.['Config.toml']).toBe(
      `[hw4_service_mesh]\nver="${version}"\n\n[ballerina.observe]\nmetricsEnabled=true\ntracingEnabled=true\n`,
    );
    expect({ strategy, replicas }).toEqual({
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
      replicas: 1,
    });
    expect(container).toMatchObject({
      image: 'kkeker/hw4-whoiam:v1.2-x86_64',
      env: [{ name: 'BALCONFIGFILE', value: '/home/ballerina/conf/Config.toml' }],
      ports: [{ containerPort: 8000 }, { containerPort: 9797, name: 'prometheus' }],
      livenessProbe: { tcpSocket: { port: 8000 }, initialDelaySeconds: 10, periodSeconds: 5 },
      readinessProbe: { tcpSocket: { port: 8000 }, initialDelaySeconds: 3, periodSeconds: 1 },
      lifecycle: { preStop: { exec: { command: ['sleep', '15'] } } },
      volumeMounts: [{ mountPath: '/home/ballerina/conf/Config.toml', subPath: 'Config.toml' }],
    });
  });

  test('rewrites the template at the gateway, and shares requests evenly there and inside the mesh', () => {
    const [outside] = one(manifests, 'VirtualService', 'gateway-arch.homework').spec.http;
    const [metrics, inside] = one(manifests, 'VirtualService', 'hw4').spec.http;
    expect(outside).toMatchObject({ match: [{ uri: { regex: '^/otusapp/[^/]+/whoiam$' } }], rewrite: { uri: '/whoiam' } });
    expect(metrics).toMatchObject({ match: [{ port: 9797 }], route: [{ destination: { port: { number: 9797 } } }] });
    for (const { route } of [outside, inside]) {
      expect(route).toMatchObject([
        { destination: { subset: 'v1' }, weight: 50 },
        { destination: { subset: 'v2' }, weight: 50 },
      ]);
    }
  });

  test('lets Prometheus scrape a port that the Service has', () => {
    const monitor = one(manifests, 'ServiceMonitor');
    expect(monitor.metadata.labels).toMatchObject({ release: 'prometheus-stack' });
    expect(one(manifests, 'Service').spec.ports).toContainEqual({
      name: monitor.spec.endpoints[0].port,
      appProtocol: 'http',
      port: 9797,
      targetPort: 9797,
    });
  });

  test('turns mutual TLS off in its namespace', () => {
    expect(one(manifests, 'PeerAuthentication')).toMatchObject({
      metadata: { name: 'default', namespace: 'otus' },
      spec: { mtls: { mode: 'DISABLE' } },
    });
  });
});

test('a third version without traffic moves no weight', () => {
  const from = "v2: { files: { [CONFIG_FILE]: config('v2') } },";
  const diff = diffOfDist({ ...SYSTEM, from, to: `${from} v3: { files: { [CONFIG_FILE]: config('v3') } },` });
  expect(changedLines(diff).filter((line) => line.startsWith('-'))).toEqual([]);
  expect(diff).not.toContain('VirtualService');
});
