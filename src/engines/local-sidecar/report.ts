/** Reports the progress of an installation. `message` is a line for a person, without a full stop. */
export type Report = (progress: { step: 'environment' | 'model'; message: string }) => void
