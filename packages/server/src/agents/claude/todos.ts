import type { DurableData } from "@claude-companion/protocol";
import { z } from "zod";

type Todo = DurableData<"todosChanged">["todos"][number];

const Written = z.object({
  todos: z.array(
    z.object({
      content: z.string(),
      activeForm: z.string().optional(),
      status: z.enum(["pending", "in_progress", "completed"]),
    }),
  ),
});
const Created = z.object({ task: z.object({ id: z.string(), subject: z.string() }) });
const Changed = z.object({
  taskId: z.string(),
  subject: z.string().optional(),
  activeForm: z.string().optional(),
  status: z.enum(["pending", "in_progress", "completed", "deleted"]).optional(),
});

/** The agent's list of what it means to do, followed through the tools that change it: TodoWrite, TaskCreate, TaskUpdate. */
export interface Todos {
  /** A tool is used. */
  used(toolUseId: string, name: string, input: unknown): void;
  /** A tool has ended. @returns the list, if it is another now */
  done(toolUseId: string, result: { isError: boolean; detail: unknown }): Todo[] | undefined;
  /** Uses of these tools that have no result yet, for a note. */
  readonly open: [toolUseId: string, name: string, input: unknown][];
  readonly list: readonly Todo[];
}

const statusOf = { pending: "pending", in_progress: "inProgress", completed: "completed" } as const;

/** @param known the list as it was before */
export function createTodos(known: readonly Todo[]): Todos {
  let list = [...known];
  const uses = new Map<string, { name: string; input: unknown }>();

  function changed(name: string, input: unknown, detail: unknown): Todo[] | undefined {
    if (name === "TodoWrite") {
      const { data } = Written.safeParse(input);
      return data?.todos.map(({ content, activeForm, status }, i) => ({
        ...{ id: String(i + 1), text: content, activeText: activeForm, status: statusOf[status] },
      }));
    }
    const activeText = z.object({ activeForm: z.string() }).safeParse(input).data?.activeForm;
    if (name === "TaskCreate") {
      const { data } = Created.safeParse(detail);
      if (data === undefined) return undefined;
      const { id, subject } = data.task;
      return [...list.filter((todo) => todo.id !== id), { id, text: subject, activeText, status: "pending" }];
    }
    const { data } = Changed.safeParse(input);
    if (data === undefined) return undefined;
    const { taskId: id, subject, status } = data;
    if (status === "deleted") return list.filter((todo) => todo.id !== id);
    const before = list.find((todo) => todo.id === id) ?? { id, text: `Task ${id}`, status: "pending" as const };
    const after: Todo = {
      ...before,
      ...(subject === undefined ? {} : { text: subject }),
      ...(activeText === undefined ? {} : { activeText }),
      ...(status === undefined ? {} : { status: statusOf[status] }),
    };
    return list.some((todo) => todo.id === id) ? list.map((todo) => (todo.id === id ? after : todo)) : [...list, after];
  }
  return {
    used(toolUseId, name, input) {
      if (/^(TodoWrite|TaskCreate|TaskUpdate)$/.test(name)) uses.set(toolUseId, { name, input });
    },
    done(toolUseId, { isError, detail }) {
      const use = uses.get(toolUseId);
      uses.delete(toolUseId);
      const next = use === undefined || isError ? undefined : changed(use.name, use.input, detail);
      if (next !== undefined) list = next;
      return next;
    },
    get open() {
      return [...uses].map(([toolUseId, { name, input }]): [string, string, unknown] => [toolUseId, name, input]);
    },
    get list() {
      return list;
    },
  };
}
