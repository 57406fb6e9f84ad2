import { MeshApp } from 'cdk8s-istio';
import { shop } from './shop.js';

const app = new MeshApp();
shop(app);
app.synth();
