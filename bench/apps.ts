/** The same apps for every tool: app number `index` of a benchmark. */
export interface BenchApp {
  readonly name: string;
  readonly image: string;
  readonly host: string;
  readonly port: number;
  readonly shares: { readonly v1: number; readonly v2: number };
}

export const NAMESPACE = 'bench';
export const GATEWAY = 'entrance';

export function benchApps(count: number): BenchApp[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `app-${index}`,
    image: `registry.example.com/team-${index % 7}/app-${index}`,
    host: `app-${index}.example.com`,
    port: 8000 + (index % 50),
    shares: { v1: 100 - (index % 51), v2: index % 51 },
  }));
}
