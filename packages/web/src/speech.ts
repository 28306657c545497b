interface Recognition extends EventTarget {
  continuous: boolean;
  interimResults: boolean;
  lang: string;
  start(): void;
  stop(): void;
}
type Made = new () => Recognition;
interface Results {
  resultIndex: number;
  results: { isFinal: boolean; 0: { transcript: string } }[];
}

const Recognition =
  (globalThis as { SpeechRecognition?: Made; webkitSpeechRecognition?: Made }).SpeechRecognition ??
  (globalThis as { webkitSpeechRecognition?: Made }).webkitSpeechRecognition;

/** Whether this browser can hear. */
export const canHear = Recognition !== undefined && isSecureContext;

/**
 * Listens until it is stopped, or the browser stops by itself.
 * @param onText what was understood so far; it may change until it is final
 * @returns stops it
 */
export function listen(onText: (text: string) => void, onEnd: (failure: string | undefined) => void): () => void {
  if (Recognition === undefined) return () => {};
  const recognition = new Recognition();
  recognition.continuous = true;
  recognition.interimResults = true;
  recognition.lang = navigator.language;
  let failure: string | undefined;
  recognition.addEventListener("result", (event) => {
    const { results } = event as unknown as Results;
    onText(Array.from(results, (result) => result[0].transcript).join(""));
  });
  recognition.addEventListener("error", (event) => {
    const { error } = event as unknown as { error: string };
    failure =
      { "not-allowed": "The microphone was not allowed.", network: "Speech needs the network in this browser." }[
        error
      ] ?? (error === "no-speech" || error === "aborted" ? undefined : `Speech did not work (${error}).`);
  });
  recognition.addEventListener("end", () => onEnd(failure));
  recognition.start();
  return () => recognition.stop();
}
