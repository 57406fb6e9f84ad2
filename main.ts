import { MeshApp } from 'cdk8s-istio';
import { bookStore } from './systems/book-store';
import { bookinfo } from './systems/bookinfo';
import { microservicesDemo } from './systems/boutique';
import { otus } from './systems/otus';
import { workshop } from './systems/workshop';

const app = new MeshApp();
otus(app);
bookStore(app);
workshop(app);
bookinfo(app);
microservicesDemo(app);
app.synth();
