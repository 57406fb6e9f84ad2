import { MeshApp } from 'cdk8s-istio';
import { otus } from './systems/otus';

const app = new MeshApp();
otus(app);
app.synth();
