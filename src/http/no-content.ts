export const noContent = () => new Response(null, { status: 204 })
