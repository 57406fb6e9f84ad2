import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { TELEMETRY } from './api-versions';
import type { CanaryApp } from './canary-app';
import { rememberCreation } from './creation';
import { ErrorCode, MeshError } from './errors';
import { requirePercent } from './limits';
import { createFor, namespaceOf } from './pod-set';

/**
 * Which requests are traced, and where the spans go.
 *
 * @see https://istio.io/latest/docs/reference/config/telemetry/#Tracing
 */
export interface TelemetryTracing {
  /** The name that the mesh's `extensionProviders` give the collector. */
  readonly provider: string;
  /**
   * How many percent of the requests are traced.
   * @default - the mesh's setting; Istio's is 1
   */
  readonly randomSamplingPercentage?: number;
}

/**
 * Where requests are logged.
 *
 * @see https://istio.io/latest/docs/reference/config/telemetry/#AccessLogging
 */
export interface TelemetryAccessLogging {
  /** The name that the mesh's `extensionProviders` give the log; `envoy` is Istio's own, each proxy's standard output. */
  readonly provider: string;
}

/** Properties of {@link Telemetry}. */
export interface TelemetryProps {
  /**
   * Traces.
   * @default - the mesh's setting
   */
  readonly tracing?: TelemetryTracing;
  /**
   * The access log.
   * @default - the mesh's setting
   */
  readonly accessLogging?: TelemetryAccessLogging;
  /**
   * The app for whose pods it holds.
   * @default - all pods of the namespace
   */
  readonly app?: CanaryApp;
  /**
   * The namespace. In Istio's root namespace (`istio-system`) it holds for the whole mesh. What is said of an app stands in the app's own.
   * @default - the app's namespace, or else the chart's
   */
  readonly namespace?: string;
}

/**
 * What proxies report of the requests they see: for one app, for a namespace, or for the whole mesh.
 *
 * @see https://istio.io/latest/docs/reference/config/telemetry/
 */
export class Telemetry extends Construct {
  /**
   * @throws `invalid-telemetry` when it says nothing, a provider is empty or the namespace is not the app's, `out-of-range`, `missing-namespace`, `invalid-name`
   */
  public constructor(scope: Construct, id: string, props: TelemetryProps) {
    super(scope, id);
    rememberCreation(this);
    const { app, tracing, accessLogging } = props;
    const providers = [tracing, accessLogging].filter((setting) => setting !== undefined).map(({ provider }) => provider);
    if (providers.length === 0 || providers.some((provider) => provider.trim() === '')) {
      throw new MeshError(
        ErrorCode.INVALID_TELEMETRY,
        'telemetry needs tracing or accessLogging, each with the name of a provider',
        this,
      );
    }
    const namespace = namespaceOf(this, ErrorCode.INVALID_TELEMETRY, app, props.namespace);
    const sampling = tracing?.randomSamplingPercentage;
    const randomSamplingPercentage =
      sampling === undefined ? undefined : requirePercent('randomSamplingPercentage', sampling, this);
    createFor(app, ({ id: objectId, name, selector }) => {
      new ApiObject(this, objectId, {
        ...TELEMETRY,
        metadata: { name, namespace },
        spec: {
          selector,
          tracing: tracing && [{ providers: [{ name: tracing.provider }], randomSamplingPercentage }],
          accessLogging: accessLogging && [{ providers: [{ name: accessLogging.provider }] }],
        },
      });
    });
  }
}
