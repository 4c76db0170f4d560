// Elysia's types import Bun's, which would declare `Bun` for all code. tsconfig.edge.json resolves 'bun' to this file.
export {}
