/** AssemblyAI's message to a `webhook_url`. */
export async function assemblyaiCallback({
  transcriptionId,
  isCompleted,
}: {
  transcriptionId: string
  isCompleted: boolean
}): Promise<string> {
  return JSON.stringify({ transcript_id: transcriptionId, status: isCompleted ? 'completed' : 'error' })
}
