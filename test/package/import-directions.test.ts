import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

const root = join(__dirname, '../..');

interface Room {
  readonly file: string;
  readonly may: string[];
  readonly mayNot: string[];
}

const ROOMS: Room[] = [
  {
    file: 'main.ts',
    may: [
      `import { MeshApp } from 'cdk8s-istio';`,
      `import { otus } from './systems/otus';`,
      `import { bookinfo } from './systems/bookinfo/index';`,
    ],
    mayNot: [`import { CanaryApp } from './lib/canary-app';`, `import { CanaryApp } from './lib';`],
  },
  {
    file: 'systems/otus.ts',
    may: [`import { CanaryApp } from 'cdk8s-istio';`, `import { Chart, Duration } from 'cdk8s';`],
    mayNot: [
      `import { CanaryApp } from '../lib/canary-app';`,
      `import { CanaryApp } from '../lib';`,
      `import { istio } from 'cdk8s-istio';`,
      `import { VirtualService } from '@cdk8s/istio-imports';`,
      `import { ApiObject } from 'cdk8s';`,
      `import '../main';`,
    ],
  },
  {
    file: 'lib/index.ts',
    may: [`export * from './routing/cookie';`, `export * as istio from '@cdk8s/istio-imports';`],
    mayNot: [`export * from '../systems/otus';`],
  },
  {
    file: 'lib/canary-app.ts',
    may: [`import { MeshService } from './mesh-service';`, `import { renderRoute } from './routing/route';`],
    mayNot: [
      `import { MeshGateway } from './index';`,
      `import { MeshGateway } from '.';`,
      `import { MeshGateway } from 'cdk8s-istio';`,
      `import { VirtualService } from '@cdk8s/istio-imports';`,
      `import { MeshApp } from './synth/mesh-app';`,
      `import { check } from './checks';`,
      `import { MeshModel } from './model/mesh-model';`,
      `import { Flux } from './gitops/flux';`,
    ],
  },
  {
    file: 'lib/limits.ts',
    may: [`import { MeshError } from './errors';`],
    mayNot: [`import { CanaryApp } from './canary-app';`],
  },
  {
    file: 'lib/routing/rule.ts',
    may: [
      `import type { MeshService } from '../mesh-service';`,
      `import { renderFault } from '../resilience/fault';`,
      `import type { IConstruct } from 'constructs';`,
    ],
    mayNot: [
      `import { CanaryApp } from '../canary-app';`,
      `import type { CanaryApp } from '../canary-app';`,
      `export { CanaryApp } from '../canary-app';`,
      `const { CanaryApp } = await import('../canary-app');`,
      `import { requireNamespace } from '../mesh-service';`,
      `import { CanaryApp } from '..';`,
    ],
  },
  {
    file: 'lib/workload/files.ts',
    may: [`import { basename } from 'node:path/posix';`],
    mayNot: [],
  },
  {
    file: 'lib/model/model.ts',
    may: [`import { Alternatives } from '../alternatives';`],
    mayNot: [
      `import { CanaryApp } from '../canary-app';`,
      `import { check } from '../checks';`,
      `import { Cookie } from '../routing/cookie';`,
    ],
  },
  {
    file: 'lib/checks/routes.ts',
    may: [`import { MeshModel } from '../model/mesh-model';`],
    mayNot: [`import { CanaryApp } from '../canary-app';`, `import { trace } from '../traffic/request';`],
  },
  {
    file: 'lib/traffic/request.ts',
    may: [`import { MeshModel } from '../model/mesh-model';`],
    mayNot: [`import { check } from '../checks';`, `import { Redirect } from '../routing/redirect';`],
  },
  {
    file: 'lib/synth/app.ts',
    may: [`import { check } from '../checks';`, `import type { Rendered } from '../model/rendered';`],
    mayNot: [`import { CanaryApp } from '../canary-app';`, `import { trace } from '../traffic/request';`],
  },
  {
    file: 'lib/gitops/canary.ts',
    may: [`import { CanaryApp } from '../canary-app';`],
    mayNot: [`import { MeshApp } from '../synth/mesh-app';`, `import { CanaryApp } from '..';`],
  },
  {
    file: 'test/canary-app.test.ts',
    may: [`import { MeshModel } from '../lib/model/mesh-model';`],
    mayNot: [`import '../main';`],
  },
  {
    file: 'lib/errors.ts',
    may: [],
    mayNot: [`import { Cookie } from './routing/cookie';`],
  },
  {
    file: 'lib/resilience/fault.ts',
    may: [],
    mayNot: [`import { ApiObject } from 'cdk8s';`, `import { Construct } from 'constructs';`],
  },
  {
    file: 'lib/workload/probe.ts',
    may: [],
    mayNot: [`import { MeshModel } from '../model/mesh-model';`],
  },
  {
    file: 'lib/new-room/thing.ts',
    may: [],
    mayNot: [`import { CanaryApp } from '../index';`],
  },
];

describe('the import directions of the rooms', () => {
  const refused = refusedLines();

  test.each(ROOMS)('$file may import what its room allows and nothing else', ({ file, mayNot }) => {
    expect(refused.get(file)).toEqual(mayNot);
  });

  test('the generated classes import nothing of this project', () => {
    const sources = readdirSync(join(root, 'imports')).filter((file) => file.endsWith('.ts'));
    const imported = sources.flatMap((file) =>
      [...readFileSync(join(root, 'imports', file), 'utf8').matchAll(/from '([^']+)'/g)].map(([, module]) => module),
    );
    expect(new Set(imported.filter((module) => !module.startsWith('./')))).toEqual(new Set(['cdk8s', 'constructs']));
  });
});

/** The lines that our configuration refuses in a project of nothing but these imports, by file. */
function refusedLines(): Map<string, string[]> {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'import-directions-')));
  try {
    copyFileSync(join(root, 'biome.json'), join(project, 'biome.json'));
    for (const { file, may, mayNot } of ROOMS) {
      mkdirSync(dirname(join(project, file)), { recursive: true });
      writeFileSync(join(project, file), [...may, ...mayNot].join('\n'));
    }
    const { stdout } = spawnSync(
      join(root, 'node_modules/.bin/biome'),
      ['lint', '--only=style/noRestrictedImports', '--reporter=github', '--max-diagnostics=none', '.'],
      { cwd: project, encoding: 'utf8' },
    );
    const places = [...stdout.matchAll(/noRestrictedImports,file=([^,]+),line=(\d+)/g)].map(
      ([, file, line]) => [relative(project, file), Number(line)] as const,
    );
    return new Map(
      ROOMS.map(({ file, may, mayNot }) => [
        file,
        [...may, ...mayNot].filter((_, index) => places.some(([place, line]) => place === file && line === index + 1)),
      ]),
    );
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}
