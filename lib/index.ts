export * from './errors';
export { MeshApp, type MeshAppProps } from './synth/mesh-app';
