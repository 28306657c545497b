import { Circle, CircleCheck, CircleDot } from "lucide-react";
import type { Conversation } from "../conversation.ts";

type Todo = Pick<Conversation["todos"][number], "id" | "text" | "status">;
const signs = {
  completed: { icon: CircleCheck, label: "done", look: "text-done" },
  inProgress: { icon: CircleDot, label: "being done", look: "text-clay" },
  pending: { icon: Circle, label: "to do", look: "text-soft" },
} as const;

/** What an agent means to do. */
export function TodoList({ todos }: { todos: readonly Todo[] }) {
  return (
    <ul className="flex flex-col gap-1 text-sm">
      {todos.map(({ id, text, status }) => {
        const { icon: Icon, label, look } = signs[status];
        return (
          <li key={id} className="flex gap-2">
            <Icon role="img" aria-label={label} className={`mt-0.5 size-4 shrink-0 ${look}`} />
            <span className={status === "completed" ? "text-soft line-through" : ""}>{text}</span>
          </li>
        );
      })}
    </ul>
  );
}

/** How far it is, over the composer; the list opens. Nothing when all is done. */
export function TodoStrip({ todos }: { todos: Conversation["todos"] }) {
  const done = todos.filter(({ status }) => status === "completed").length;
  if (todos.length === 0 || done === todos.length) return null;
  const current =
    todos.find(({ status }) => status === "inProgress") ?? todos.find(({ status }) => status === "pending");
  return (
    <details className="mx-3 mb-2 rounded-card border border-line bg-raised text-sm lg:mx-auto lg:w-full lg:max-w-3xl">
      <summary className="target flex cursor-pointer items-center gap-2 px-3">
        <span className="shrink-0 text-soft">
          {done} of {todos.length}
        </span>
        <span className="min-w-0 truncate">{current?.activeText ?? current?.text}</span>
      </summary>
      <div className="max-h-60 overflow-auto px-3 pb-3">
        <TodoList todos={todos} />
      </div>
    </details>
  );
}
