import { App, YamlOutputType } from 'cdk8s';
import { shop } from './shop.js';

const app = new App({ yamlOutputType: YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE });
shop(app);
app.synth();
