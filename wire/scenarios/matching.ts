import {
  AuthorityMatch,
  Cookie,
  HeaderMatch,
  HttpMethod,
  MethodMatch,
  PathMatch,
  PortMatch,
  QueryMatch,
  type RequestMatch,
  SourceMatch,
} from 'cdk8s-istio';
import type { Fields } from '../cluster/api';
import { isKind, type Mesh } from '../cluster/mesh';
import { synthesize } from '../manifests';
import type { HttpRequest } from '../pod/protocol';
import { finderDomain, finderHost, finderPorts, matching } from '../systems/matching';
import type { Mutant, Scenario, System } from './scenario';

/** A request, or its path alone. */
type Sent =
  | string
  | { readonly path?: string; readonly method?: string; readonly headers?: HttpRequest['headers']; readonly port?: number };

/** A condition is the same inside the mesh and at the gateway, but for those that make sense in one place `only`. */
interface Condition {
  readonly when: RequestMatch;
  readonly fulfilledBy: readonly Sent[];
  readonly notFulfilledBy: readonly Sent[];
  readonly only?: 'inside' | 'gateway';
}

const cookies = (...values: string[]): Sent[] => values.map((cookie) => ({ headers: { cookie } }));
const header = (name: string, ...values: string[]): Sent[] => values.map((value) => ({ headers: { [name]: value } }));
const methods = (...names: string[]): Sent[] => names.map((method) => ({ method }));
const hosts = (...names: string[]): Sent[] => names.map((host) => ({ headers: { host } }));

/** Conditions on the path, told apart by their paths. */
const onPaths: Record<string, Condition> = {
  'path, exact': {
    when: PathMatch.exact('/exact/path'),
    fulfilledBy: ['/exact/path', '/exact/path?query=1', '/exact/path?'],
    notFulfilledBy: ['/exact/path/', '/exact/pathology', '/exact', '/Exact/path', '/exact//path'],
  },
  'path, exact, whatever its case': {
    when: PathMatch.exact('/Loose/Exact', { ignoreCase: true }),
    fulfilledBy: ['/loose/exact', '/LOOSE/EXACT', '/Loose/Exact?a=B'],
    notFulfilledBy: ['/loose/exact/', '/loose/exactly'],
  },
  'path, prefix': {
    when: PathMatch.prefix('/prefix'),
    fulfilledBy: ['/prefix', '/prefix/', '/prefix/below', '/prefixed', '/prefix?query'],
    notFulfilledBy: ['/Prefix', '/pre', '/a/prefix'],
  },
  'path, prefix, whatever its case': {
    when: PathMatch.prefix('/Loose/Prefix/', { ignoreCase: true }),
    fulfilledBy: ['/loose/prefix/a', '/LOOSE/prefix/'],
    notFulfilledBy: ['/loose/prefix', '/loose/pref'],
  },
  'path and all below it': {
    when: PathMatch.below('/below'),
    fulfilledBy: ['/below', '/below/', '/below/a/b', '/below?query=/'],
    notFulfilledBy: ['/belows', '/below.html', '/Below', '/a/below'],
  },
  'path, expression': {
    when: PathMatch.regex('/regex/[a-z]+(/\\d{2,3})?'),
    fulfilledBy: ['/regex/abc', '/regex/abc/12', '/regex/abc/123?d=4'],
    notFulfilledBy: ['/regex/abc/1', '/regex/abc/1234', '/regex/ABC', '/regex/abc/', '/x/regex/abc'],
  },
  'path, template with a segment': {
    when: PathMatch.template('/users/{*}/orders'),
    fulfilledBy: ['/users/anna/orders', '/users/%20/orders', '/users/a.b/orders?page=2'],
    notFulfilledBy: ['/users//orders', '/users/anna/bob/orders', '/users/anna/orders/', '/users/orders'],
  },
  'path, template with any number of segments': {
    when: PathMatch.template('/files/{**}.png'),
    fulfilledBy: ['/files/a.png', '/files/a/b/c.png', '/files/.png'],
    notFulfilledBy: ['/files/apng', '/files/a.png/b', '/files/a.pngx'],
  },
  'path of a gRPC service': {
    when: PathMatch.grpc('shop.CartService'),
    fulfilledBy: ['/shop.CartService/GetCart', '/shop.CartService/AddItem'],
    notFulfilledBy: ['/shop.CartServiceV2/GetCart', '/shopXCartService/GetCart', '/shop.CartService'],
  },
  'path of a gRPC method': {
    when: PathMatch.grpc('shop.Checkout', 'Pay'),
    fulfilledBy: ['/shop.Checkout/Pay'],
    notFulfilledBy: ['/shop.Checkout/PayLater', '/shop.Checkout/Refund'],
  },
};

/** Conditions on all else; each gets a path of its own, so that none sees the requests of another. */
const onTheRest: Record<string, Condition> = {
  'header, exact': {
    when: HeaderMatch.exact('X-User', 'anna'),
    fulfilledBy: [...header('x-user', 'anna'), ...header('X-USER', 'anna')],
    notFulfilledBy: ['', ...header('x-user', 'Anna', 'annabel', 'ann', ''), ...header('x-users', 'anna')],
  },
  'header, prefix': {
    when: HeaderMatch.prefix('user-agent', 'Mozilla/'),
    fulfilledBy: header('user-agent', 'Mozilla/5.0 (X11)', 'Mozilla/'),
    notFulfilledBy: ['', ...header('user-agent', 'mozilla/5.0', 'curl Mozilla/5.0')],
  },
  'header, contains': {
    when: HeaderMatch.contains('user-agent', '(iPhone;'),
    fulfilledBy: header('user-agent', 'Mozilla/5.0 (iPhone; CPU)', '(iPhone;'),
    notFulfilledBy: ['', ...header('user-agent', 'iPhone', 'Mozilla/5.0 (iPad; CPU)')],
  },
  'header, expression': {
    when: HeaderMatch.regex('x-version', '2\\.[0-9]+'),
    fulfilledBy: header('x-version', '2.0', '2.17'),
    notFulfilledBy: ['', ...header('x-version', '2', '12.0', '2.x', '2.0-beta', '2x0')],
  },
  'header, present': {
    when: HeaderMatch.present('x-debug'),
    fulfilledBy: header('x-debug', '1', 'anything at all', ''),
    notFulfilledBy: ['', ...header('x-debugger', '1')],
  },
  'header, absent': {
    when: HeaderMatch.absent('x-internal'),
    fulfilledBy: ['', ...header('x-internals', '1')],
    notFulfilledBy: header('x-internal', '1', ''),
  },
  'header, anything but': {
    when: HeaderMatch.notExact('x-user', 'bot'),
    fulfilledBy: ['', ...header('x-user', 'anna', 'robot', 'Bot')],
    notFulfilledBy: header('x-user', 'bot'),
  },
  'header, not the expression': {
    when: HeaderMatch.notRegex('x-user', 'bot-[0-9]+'),
    fulfilledBy: ['', ...header('x-user', 'anna', 'bot-', 'bot-1x')],
    notFulfilledBy: header('x-user', 'bot-1', 'bot-42'),
  },
  'cookie, exact': {
    when: Cookie.equals('user', 'anna.b'),
    fulfilledBy: cookies(
      'user=anna.b',
      'user=anna.b;',
      'user=anna.b ;',
      'user=anna.b; theme=dark',
      'user=anna.b;theme=dark',
      'user=anna.b ; theme=dark',
      'theme=dark; user=anna.b',
      'theme=dark;user=anna.b',
      'theme=dark;   user=anna.b',
      'theme=dark ;user=anna.b',
      'theme="dark"; user=anna.b; lang=en',
      'theme=a=b=c; user=anna.b; lang=',
      'flag; user=anna.b',
      'user=bob; user=anna.b',
    ),
    notFulfilledBy: [
      '',
      ...cookies(
        'user=anna',
        'user=anna.bc',
        'user=annaxb',
        'user=',
        'user',
        'User=anna.b',
        'superuser=anna.b',
        'user =anna.b',
        'theme=user=anna.b',
        'theme=dark user=anna.b',
        'theme=dark, user=anna.b',
        'user="anna.b"',
      ),
    ],
  },
  'cookie, present': {
    when: Cookie.present('session'),
    fulfilledBy: cookies('session=1', 'session=', 'a=b; session=x; c=d', 'a=b;session=x=y'),
    notFulfilledBy: ['', ...cookies('sessions=1', 'mysession=1', 'a=session=1', 'session')],
  },
  'cookie, expression': {
    when: Cookie.regex('group', 'beta|canary-[0-9]'),
    fulfilledBy: cookies('group=beta', 'group=canary-7', 'a=b; group=beta; c=d', 'a=b;group=canary-1;c=d'),
    notFulfilledBy: ['', ...cookies('group=betas', 'group=canary-', 'groups=beta', 'group=alpha; beta')],
  },
  'query, exact': {
    when: QueryMatch.exact('version', '2'),
    fulfilledBy: ['?version=2', '?a=b&version=2', '?version=2&a=b'],
    notFulfilledBy: ['', '?version=20', '?version=', '?Version=2', '?aversion=2'],
  },
  'query, prefix': {
    when: QueryMatch.prefix('version', '2.'),
    fulfilledBy: ['?version=2.0', '?a&version=2.'],
    notFulfilledBy: ['', '?version=2', '?version=12.0'],
  },
  'query, expression': {
    when: QueryMatch.regex('page', '[0-9]+'),
    fulfilledBy: ['?page=1', '?page=123&size=10'],
    notFulfilledBy: ['', '?page=', '?page=1a', '?size=10'],
  },
  'query, present': {
    when: QueryMatch.present('debug'),
    fulfilledBy: ['?debug=1', '?debug=', '?debug', '?a=b&debug'],
    notFulfilledBy: ['', '?debugger=1', '?a=debug'],
  },
  'method, one of two': {
    when: MethodMatch.oneOf(HttpMethod.POST, HttpMethod.DELETE),
    fulfilledBy: methods('POST', 'DELETE'),
    notFulfilledBy: methods('GET', 'PUT', 'PATCH', 'OPTIONS'),
  },
  'authority inside the mesh, exact': {
    when: AuthorityMatch.exact('finder.matching.svc:8080'),
    fulfilledBy: hosts('finder.matching.svc:8080'),
    notFulfilledBy: hosts('finder.matching.svc', 'finder.matching:8080', `${finderHost}:8080`),
    only: 'inside',
  },
  'authority at the gateway, exact': {
    when: AuthorityMatch.exact(`anna.${finderDomain}`),
    fulfilledBy: hosts(`anna.${finderDomain}`),
    notFulfilledBy: hosts(`hanna.${finderDomain}`, `a.anna.${finderDomain}`, `anna.${finderDomain}:80`),
    only: 'gateway',
  },
  'authority, prefix': {
    when: AuthorityMatch.prefix('beta.'),
    fulfilledBy: hosts(`beta.${finderDomain}`, `beta.b.${finderDomain}:80`),
    notFulfilledBy: hosts(`a.beta.${finderDomain}`, `betas.${finderDomain}`),
    only: 'gateway',
  },
  'authority, expression': {
    when: AuthorityMatch.regex('[a-c]\\..*'),
    fulfilledBy: hosts(`a.${finderDomain}`, `c.d.${finderDomain}`),
    notFulfilledBy: hosts(`d.${finderDomain}`, `aa.${finderDomain}`, `d.a.${finderDomain}`),
    only: 'gateway',
  },
  'port of the Service': {
    when: PortMatch.of(finderPorts[1]),
    fulfilledBy: [{ port: finderPorts[1] }],
    notFulfilledBy: [{ port: finderPorts[0] }],
    only: 'inside',
  },
  'labels of the caller': {
    when: SourceMatch.labels({ app: 'client' }),
    fulfilledBy: [''],
    notFulfilledBy: [],
    only: 'inside',
  },
  'labels of another caller': {
    when: SourceMatch.labels({ app: 'client', version: 'v2' }),
    fulfilledBy: [],
    notFulfilledBy: [''],
  },
  'namespace of the caller': {
    when: SourceMatch.namespace('wire-inside'),
    fulfilledBy: [''],
    notFulfilledBy: [],
    only: 'inside',
  },
  "namespace of the gateway's pods": {
    when: SourceMatch.namespace('istio-system'),
    fulfilledBy: [],
    notFulfilledBy: [''],
  },
  'this and that': {
    when: HeaderMatch.exact('x-user', 'anna').and(QueryMatch.present('debug')).and(MethodMatch.oneOf(HttpMethod.GET)),
    fulfilledBy: [{ path: '?debug', headers: { 'x-user': 'anna' } }],
    notFulfilledBy: ['?debug', ...header('x-user', 'anna'), { path: '?debug', headers: { 'x-user': 'anna' }, method: 'PUT' }],
  },
  'this or that': {
    when: HeaderMatch.exact('x-user', 'anna').or(QueryMatch.present('debug')),
    fulfilledBy: ['?debug', ...header('x-user', 'anna'), { path: '?debug', headers: { 'x-user': 'anna' } }],
    notFulfilledBy: ['', ...header('x-user', 'bob')],
  },
};

function pathOf(name: string): string {
  return `/${name.replaceAll(/\W+/g, '-')}`;
}

const conditions: readonly RequestMatch[] = [
  ...Object.values(onPaths).map(({ when }) => when),
  ...Object.entries(onTheRest).map(([name, { when }]) => PathMatch.exact(pathOf(name)).and(when)),
];

/** Every kind of condition that the library can write, against requests on both sides of its edges. */
export const matchingSystem: System = {
  name: 'matching',
  objects: () => synthesize((app) => matching(app, [...conditions])),
  scenarios: async (mesh) => {
    const gateway = await mesh.gatewayAddress({ istio: 'ingressgateway' });
    return [
      ...Object.entries(onPaths).map(([name, condition]) => scenario(mesh, gateway, name, condition, '')),
      ...Object.entries(onTheRest).map(([name, condition]) => scenario(mesh, gateway, name, condition, pathOf(name))),
    ];
  },
  mutants: mutants(),
};

function scenario(mesh: Mesh, gateway: string, name: string, condition: Condition, path: string): Scenario {
  const places = (['inside', 'gateway'] as const).filter((place) => (condition.only ?? place) === place);
  const expectations = [
    ...condition.fulfilledBy.map((sent) => ({ sent, version: 'v2' })),
    ...condition.notFulfilledBy.map((sent) => ({ sent, version: 'v1' })),
  ].flatMap((expectation) => places.map((place) => ({ ...expectation, place })));
  const allRight = `${expectations.length} decided right`;
  return {
    name,
    expected: allRight,
    measure: async () => {
      const wrong: string[] = [];
      for (const { sent, version, place } of expectations) {
        const request = typeof sent === 'string' ? { path: sent } : sent;
        const answer = await send(mesh, place === 'gateway' ? gateway : undefined, path, request);
        if (answer !== version) wrong.push(`${place}: ${JSON.stringify(sent)} to ${answer}`);
      }
      return wrong.length === 0 ? allRight : `wrong are ${wrong.length}: ${wrong.join(', ')}`;
    },
  };
}

async function send(mesh: Mesh, gateway: string | undefined, path: string, sent: Exclude<Sent, string>): Promise<string> {
  const { port = finderPorts[0], path: rest = '', ...request } = sent;
  const { status, received, error } = await (gateway === undefined
    ? mesh.inside.call('http', { ...request, url: `http://${finderHost}:${port}${path}${rest}` })
    : mesh.outside.call('http', { ...request, url: `http://www.${finderDomain}${path}${rest}`, address: gateway }));
  return received?.version ?? error ?? String(status);
}

function mutants(): Mutant[] {
  return [
    {
      name: 'a cookie is sought without its borders',
      noticedBy: 'cookie, exact',
      change: (objects) => {
        for (const { spec } of objects.filter(isKind('VirtualService')))
          for (const match of spec.http.flatMap((route: Fields) => route.match ?? [])) {
            const cookie = match.headers?.cookie;
            if (cookie) cookie.regex = cookie.regex.replace('(.*;\\s*)?', '.*');
          }
      },
    },
  ];
}
