import { ApiObject, Duration } from 'cdk8s';
import { AppPort, CanaryApp, CanaryMetric, DeploymentRef, FlaggerCanary, MeshService, ResilienceRules } from 'cdk8s-istio';
import type { Construct } from 'constructs';
import { refusal, synth } from '../support/synth';

const ANALYSIS = { interval: Duration.seconds(30), threshold: 5, stepWeight: 5, metrics: [CanaryMetric.successRate(99)] };

function beside(add: (scope: Construct) => void): () => unknown {
  return () =>
    synth((scope) => {
      const app = new CanaryApp(scope, 'cart', { image: 'cart', ports: [AppPort.http(80)], versions: { v1: {} } });
      new FlaggerCanary(scope, 'rollout', { app, analysis: ANALYSIS });
      add(scope);
    });
}

function object(kind: string, name: string, namespace = 'shop'): (scope: Construct) => void {
  const apiVersion = { Service: 'v1', Deployment: 'apps/v1' }[kind] ?? 'networking.istio.io/v1';
  return (scope) => new ApiObject(scope, 'own', { apiVersion, kind, metadata: { name, namespace }, spec: {} });
}

describe('beside a Canary', () => {
  test.each([
    ['VirtualService', 'cart'],
    ['Service', 'cart'],
    ['Service', 'cart-primary'],
    ['Service', 'cart-canary'],
    ['DestinationRule', 'cart-primary'],
    ['DestinationRule', 'cart-canary'],
    ['Deployment', 'cart-primary'],
  ])('a %s called %s is refused: Flagger makes it', (kind, name) => {
    expect(refusal(beside(object(kind, name)))).toContain(
      `is made by Flagger for [system/rollout/Resource]: ${kind} shop/${name}; say it of the app that Flagger rolls out (duplicate-object)`,
    );
  });

  test('rules for its Service as if somebody else owned it are refused', () => {
    const rules = (scope: Construct) =>
      new ResilienceRules(scope, 'rules', {
        app: MeshService.fromName(scope, 'foreign', { name: 'cart', ports: [AppPort.http(80)] }),
        timeout: Duration.seconds(1),
      });
    expect(refusal(beside(rules))).toContain('VirtualService shop/cart');
  });

  test.each([
    ['VirtualService', 'cart', 'bank'],
    ['DestinationRule', 'cart', 'shop'],
    ['Deployment', 'cart-canary', 'shop'],
    ['Service', 'cart-primary-2', 'shop'],
  ])('a %s called %s in namespace %s is one’s own', (kind, name, namespace) => {
    expect(beside(object(kind, name, namespace))).not.toThrow();
  });
});

describe('outlier detection under Flagger', () => {
  const protectedRollout = (maxEjectionPercent?: number, horizontalPodAutoscaler?: string) => () =>
    synth((scope) => {
      const app = new CanaryApp(scope, 'cart', { image: 'cart', ports: [AppPort.http(80)], versions: { v1: {} } });
      const outlierDetection = { consecutive5xxErrors: 5, maxEjectionPercent };
      new ResilienceRules(scope, 'rules', { app, outlierDetection });
      new FlaggerCanary(scope, 'rollout', { app, analysis: ANALYSIS, horizontalPodAutoscaler });
    });

  test.each([undefined, 10, 99])('is refused where it never ejects the one pod that each version has: %p percent', (percent) => {
    expect(refusal(protectedRollout(percent))).toMatch(
      /^\[system\/rollout\/Resource\] maxEjectionPercent is \d+.*, but the only pod of 'cart' is 100 percent.* \(never-ejects\)$/,
    );
  });

  test('counts the pods of the Deployment that is rolled out, where somebody else writes it', () => {
    const adopted =
      (replicas: number | undefined, further: [string, string, number][] = []) =>
      () =>
        synth((scope) => {
          const versions = { v1: { deployment: DeploymentRef.fromName('cart') } };
          const app = new CanaryApp(scope, 'cart', { ports: [AppPort.http(80)], versions });
          new ResilienceRules(scope, 'rules', { app, outlierDetection: { consecutive5xxErrors: 5 } });
          const deployments: [string, string, number][] = replicas === undefined ? [] : [['cart', 'shop', replicas]];
          for (const [index, [name, namespace, count]] of [...further, ...deployments].entries()) {
            new ApiObject(scope, `deployment-${index}`, {
              apiVersion: 'apps/v1',
              kind: 'Deployment',
              metadata: { name, namespace },
              spec: { replicas: count, template: { metadata: { labels: { app: name } } } },
            });
          }
          new FlaggerCanary(scope, 'rollout', { app, analysis: ANALYSIS });
        });
    expect(adopted(undefined)).not.toThrow();
    expect(adopted(10)).not.toThrow();
    expect(
      adopted(10, [
        ['other', 'shop', 1],
        ['cart', 'bank', 1],
      ]),
    ).not.toThrow();
    expect(refusal(adopted(9))).toContain("but one of the 9 pods of 'cart' is 12 percent");
  });

  test('is left alone where it ejects it, or where an autoscaler decides on the pods', () => {
    expect(protectedRollout(100)).not.toThrow();
    expect(protectedRollout(10, 'cart')).not.toThrow();
  });
});
