import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['node_modules/', 'leadline-data/', 'leadline-demo/', 'query/web/dist/', '**/*.mjs', 'eslint.config.js', 'ava.config.js'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true, allow: [{ name: ['Error', 'URL'], from: 'lib' }] }],
      // The index-signature guard of `noUncheckedIndexedAccess` makes `!` the honest way to say "the line above proved it".
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
);
