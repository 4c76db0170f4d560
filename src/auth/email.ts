/** Emails are stored and compared in this form. */
export const normalizedEmail = (email: string) => email.trim().toLowerCase()
