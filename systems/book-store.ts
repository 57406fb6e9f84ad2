import { Chart, Duration } from 'cdk8s';
import {
  Access,
  AppPort,
  CanaryApp,
  ClientTls,
  HeaderMatch,
  type MeshApp,
  MeshGateway,
  MeshNamespace,
  MeshService,
  MtlsMode,
  MutualTls,
  PathMatch,
  Redirect,
  ResilienceRules,
} from 'cdk8s-istio';

const ADD_ONS = { kiali: 20001, grafana: 3000, tracing: 80 };
const PRIVATE_NETWORKS = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];
const INIT_SQL = `CREATE DATABASE "store";
CREATE DATABASE "order";
CREATE DATABASE "warehouse";
CREATE DATABASE "warranty";
`;

/**
 * A shop of four services around one Postgres, and a book store of which half the requests try a second version.
 *
 * @returns the hosts of its gateway, for a hosts file
 */
export function bookStore(app: MeshApp): string[] {
  const chart = new Chart(app, 'book-store', { namespace: 'default' });
  new MeshNamespace(chart, 'namespace');
  const gateway = new MeshGateway(chart, 'gateway');

  addPostgres(chart);
  addServices(chart, gateway);
  addBookStore(chart, gateway);
  publishAddOns(chart, gateway);
  return gateway.hosts;
}

function addPostgres(chart: Chart): void {
  const postgres = new CanaryApp(chart, 'postgres-service', {
    image: 'postgres:12',
    ports: [AppPort.tcp(5432)],
    envVariables: { POSTGRES_PASSWORD: { valueFrom: { secretKeyRef: { name: 'postgres-credentials', key: 'password' } } } },
    files: { '/docker-entrypoint-initdb.d/init.sql': INIT_SQL },
    versions: { v12: {} },
  });
  new MutualTls(chart, 'postgres-tls', { app: postgres, mode: MtlsMode.DISABLE });
}

function addServices(chart: Chart, gateway: MeshGateway): void {
  const service = (name: string, port: number) =>
    new CanaryApp(chart, name, {
      image: `romanowalex/${name}-service:v1.0`,
      ports: [AppPort.http(port)],
      env: { SPRING_PROFILES_ACTIVE: 'kubernetes' },
      versions: { v1: {} },
    });
  const store = service('store', 8480);
  service('order', 8380);
  service('warehouse', 8280);
  service('warranty', 8180);
  gateway.expose(store, { host: 'store.services.local' });
}

function addBookStore(chart: Chart, gateway: MeshGateway): void {
  const bookStore = new CanaryApp(chart, 'book-store', {
    ports: [AppPort.http(8080)],
    replicas: 1,
    versions: {
      v1: { image: 'romanowalex/book-store:v1.2' },
      v2: { image: 'romanowalex/book-store:v1.2-break-ping' },
    },
    split: { v1: 50, v2: 50 },
    rules: [
      {
        when: HeaderMatch.exact('x-api-version', 'v2').and(PathMatch.prefix('/api/v1')),
        redirect: Redirect.path('/api/v2'),
      },
    ],
  });
  new ResilienceRules(chart, 'book-store-timeout', {
    app: bookStore,
    when: PathMatch.prefix('/api/v1/books'),
    timeout: Duration.seconds(15),
  });
  new ResilienceRules(chart, 'book-store-circuit-breaker', {
    app: bookStore,
    outlierDetection: {
      consecutive5xxErrors: 10,
      interval: Duration.seconds(10),
      baseEjectionTime: Duration.seconds(30),
      maxEjectionPercent: 100,
    },
  });
  gateway.expose(bookStore, { host: 'book-store.local' });
}

function publishAddOns(chart: Chart, gateway: MeshGateway): void {
  const access = Access.sourceRanges(PRIVATE_NETWORKS);
  gateway.redirect('kiali.services.local', Redirect.path('/kiali'), { paths: [PathMatch.exact('/')] });
  for (const [name, port] of Object.entries(ADD_ONS)) {
    const addOn = MeshService.fromName(chart, name, { namespace: 'istio-system', ports: [AppPort.http(port)] });
    new ResilienceRules(chart, `${name}-tls`, { app: addOn, clientTls: ClientTls.disable() });
    gateway.expose(addOn, { host: `${name}.services.local`, access });
  }
}
