/**
 * Cuts Markdown at empty lines outside of code, so that while a text grows only its last piece is worked on again: the
 * rest keeps its place on the screen.
 */
export function blocksOfMarkdown(text: string): string[] {
  const blocks: string[] = [];
  let block: string[] = [];
  let fence: string | undefined;
  for (const line of text.split("\n")) {
    const isEmpty = line.trim() === "";
    // What is indented goes on with the list before it.
    const begins = fence === undefined && !isEmpty && !/^(\s{2}|\t)/.test(line) && block.at(-1)?.trim() === "";
    if (begins && block.some((one) => one.trim() !== "")) {
      blocks.push(block.join("\n"));
      block = [];
    }
    block.push(line);
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === undefined) fence = mark;
    else if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
  }
  return block.length > 0 ? [...blocks, block.join("\n")] : blocks;
}
