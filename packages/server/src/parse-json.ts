/** What a text says, or undefined when it is not JSON (which says anything but that). */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
