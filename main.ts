import { MeshApp } from 'cdk8s-istio';
import { bookStore } from './systems/book-store';
import { otus } from './systems/otus';

const app = new MeshApp();
otus(app);
bookStore(app);
app.synth();
