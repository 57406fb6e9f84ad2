import type { PodProcess } from '../cluster/pod-process';
import type { Behaviour } from '../pod/protocol';

/** Lets pods behave in another way for as long as it takes to measure. */
export async function whileTheyBehave<T>(pods: PodProcess[], behaviour: Behaviour, measure: () => Promise<T>): Promise<T> {
  const behave = (next: Behaviour) => Promise.all(pods.map((pod) => pod.call('behave', next)));
  await behave(behaviour);
  try {
    return await measure();
  } finally {
    await behave({});
  }
}
