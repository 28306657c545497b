import type { Directive } from "./directive.ts";

const haiku = "Tests pass in the dark,\nthe server hums, the log grows,\nnot one word is lost.\n";

/** What the demonstration's model does with ordinary words. */
export function demoDirective(text: string): Directive | undefined {
  const words = text.toLowerCase();
  if (words.includes("haiku")) {
    return {
      paceMs: 20,
      steps: [
        {
          say: "Gladly. I will write a haiku about a server that loses nothing and put it into haiku.txt. ",
          tools: [{ name: "Write", input: { file_path: "haiku.txt", content: haiku } }],
        },
        { say: `It is in haiku.txt:\n\n${haiku}\nAsk me for the time, or for a question.` },
      ],
    };
  }
  if (words.includes("blank")) {
    return {
      paceMs: 10,
      steps: [
        {
          think: "First I look at the function.",
          say: "I will look at `login.ts`, and at what the tests say.",
          tools: [
            { name: "Read", input: { file_path: "login.ts" } },
            {
              name: "Bash",
              input: {
                command: "printf '\\033[32m✔\\033[0m lets a name in\\n\\033[31m✖\\033[0m keeps blanks out\\n'",
                description: "Run the tests",
              },
            },
          ],
        },
        {
          say: "A name of blanks gets in. It should not:",
          tools: [
            {
              name: "Edit",
              input: {
                file_path: "login.ts",
                old_string: "return name !== '';",
                new_string: "return name.trim() !== '';",
              },
            },
          ],
        },
        {
          say: "Names of blanks are kept out now:\n\n```ts\nexport function login(name: string): boolean {\n  return name.trim() !== '';\n}\n```\n\n- `login.ts` is changed in one line\n- **both** tests pass",
        },
      ],
    };
  }
  if (words.includes("time")) {
    return {
      paceMs: 20,
      steps: [
        {
          say: "I will ask the machine and note it. ",
          tools: [{ name: "Bash", input: { command: "date > now.txt && cat now.txt", description: "Note the time" } }],
        },
        { say: "That is the time on this machine; it is in now.txt as well." },
      ],
    };
  }
  if (words.includes("question")) {
    const options = [
      { label: "Tea", description: "Calm" },
      { label: "Coffee", description: "Fast" },
    ];
    return {
      paceMs: 20,
      steps: [
        {
          tools: [
            {
              name: "AskUserQuestion",
              input: { questions: [{ question: "What do you drink?", header: "Drink", multiSelect: false, options }] },
            },
          ],
        },
        { say: "Good choice. That is all this scripted model can do; a real one does the rest." },
      ],
    };
  }
  return undefined;
}
