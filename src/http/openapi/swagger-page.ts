/** The Swagger UI page. It has no inline script, so that its Content-Security-Policy can forbid them. */
export const PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Verbatim</title>
  <link rel="stylesheet" href="/swagger/assets/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="/swagger/assets/swagger-ui-bundle.js"></script>
  <script src="/swagger/assets/start.js"></script>
</body>
</html>
`

/** Without `validatorUrl: 'none'`, Swagger UI sends the document to validator.swagger.io. */
export const START_SCRIPT = `SwaggerUIBundle({
  dom_id: '#swagger-ui',
  url: '/swagger/json',
  validatorUrl: 'none',
  persistAuthorization: true,
})
`

/**
 * The page stores an access token in localStorage, so it may run only this host's scripts. Inline styles are
 * allowed because Swagger UI writes style attributes.
 */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
