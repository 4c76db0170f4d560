import styles from 'swagger-ui-dist/swagger-ui.css' with { type: 'text' }
import script from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'text' }
import type { SwaggerAssets } from './swagger.ts'

export const swaggerAssets: SwaggerAssets = {
  'swagger-ui.css': { type: 'text/css', body: new Blob([styles]) },
  'swagger-ui-bundle.js': { type: 'text/javascript', body: new Blob([script]) },
}
