/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } }],
  },
  moduleNameMapper: {
    '^cdk8s-istio$': '<rootDir>/lib/index.ts',
    '^@cdk8s/istio-imports$': '<rootDir>/imports/index.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/build', '<rootDir>/imports/build', '<rootDir>/.cache'],
};
