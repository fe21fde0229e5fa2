/** "4/4" to "4", "6/8" to "6": the prompt names the beats of a bar alone. Anything else comes back trimmed. */
export function normaliseTimeSignature(text: string): string {
  const trimmed = text.trim();
  return /^(\d{1,2})\s*\/\s*\d{1,2}$/.exec(trimmed)?.[1] ?? trimmed;
}
