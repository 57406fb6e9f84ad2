// Prints lines for a hosts file: npm run hosts -- 203.0.113.7 >> /etc/hosts
import { MeshApp } from 'cdk8s-istio';
import { bookStore } from '../systems/book-store';

const [address = '127.0.0.1'] = process.argv.slice(2);
for (const host of bookStore(new MeshApp())) {
  console.log(`${address} ${host}`);
}
