import { type Records, type TurnRecord, timeKey } from "./records.ts";

const pageSize = 500;

/**
 * A user's turns from `from` to before `to` (ms since 1970), the last first; page by page, so that years of them do not lie
 * in memory.
 */
export async function* turnsOf(
  records: Pick<Records, "turns">,
  user: string,
  { from, to }: { from: number; to?: number | undefined },
): AsyncGenerator<TurnRecord> {
  let before = to === undefined ? undefined : timeKey(to);
  for (;;) {
    const page: TurnRecord[] = await records.turns.page(user, { before, limit: pageSize });
    for (const turn of page) {
      if (turn.at < from) return;
      yield turn;
    }
    if (page.length < pageSize) return;
    before = page.at(-1)?.turnId;
  }
}
