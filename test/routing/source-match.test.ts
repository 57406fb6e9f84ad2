import { SourceMatch } from 'cdk8s-istio';
import { refusal } from '../support/synth';

describe('a condition on the caller', () => {
  test('is written as Istio reads it', () => {
    expect(SourceMatch.labels({ app: 'web', version: '' })._toMatches()).toEqual([{ sourceLabels: { app: 'web', version: '' } }]);
    expect(SourceMatch.namespace('front')._toMatches()).toEqual([{ sourceNamespace: 'front' }]);
  });

  test('does not follow later changes to the labels', () => {
    const labels = { app: 'web' };
    const match = SourceMatch.labels(labels);
    labels.app = 'other';
    expect(match._toMatches()).toEqual([{ sourceLabels: { app: 'web' } }]);
  });

  test('is refused without any label, which would stand for every caller', () => {
    expect(refusal(() => SourceMatch.labels({}))).toBe(
      'labels is empty, which every caller satisfies; name at least one label (unsupported-match)',
    );
  });

  test('is refused with a value that no label has', () => {
    expect(refusal(() => SourceMatch.labels({ app: 'a b' }))).toBe(
      "source label 'app' is 'a b'; a label value has at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends (invalid-name)",
    );
    expect(refusal(() => SourceMatch.labels({ 'my app': 'a' }))).toContain("key of the source label is 'my app'; allowed are");
    expect(refusal(() => SourceMatch.namespace('Front'))).toBe(
      "source namespace is 'Front'; allowed are 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends (invalid-name)",
    );
  });
});
