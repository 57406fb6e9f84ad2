import { MeshApp } from 'cdk8s-istio';
import { bookStore } from './systems/book-store';
import { otus } from './systems/otus';
import { workshop } from './systems/workshop';

const app = new MeshApp();
otus(app);
bookStore(app);
workshop(app);
app.synth();
