import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

/** So near to the end counts as being there. */
const nearPixels = 80;
/** How a hand moves a list, and how long after it the list may still move because of it. */
const hands = ["wheel", "touchmove", "keydown", "pointerdown"] as const;
const handMs = 400;

/**
 * Keeps a list at its end while it grows, if the reader is there, and leaves it alone otherwise.
 * @param count of what is shown, to say how much is new
 */
export function useStickToEnd(
  scroller: RefObject<HTMLElement | null>,
  content: RefObject<HTMLElement | null>,
  count: number,
) {
  const [isAtEnd, setAtEnd] = useState(true);
  const [leftAt, setLeftAt] = useState(count);
  const atEnd = useRef(true);
  const newest = useRef(count);
  newest.current = count;

  const note = useCallback((is: boolean) => {
    if (atEnd.current === is) return;
    atEnd.current = is;
    setAtEnd(is);
    if (!is) setLeftAt(newest.current);
  }, []);
  const goToEnd = useCallback(() => {
    note(true);
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [note, scroller]);

  useEffect(() => {
    const { current: list } = scroller;
    const { current: inner } = content;
    if (list === null || inner === null) return undefined;
    let lastTop = list.scrollTop;
    let byHandUntil = 0;
    const onHand = () => {
      byHandUntil = performance.now() + handMs;
    };
    const onScroll = () => {
      const distance = list.scrollHeight - list.scrollTop - list.clientHeight;
      const isUp = list.scrollTop < lastTop - 2;
      lastTop = list.scrollTop;
      if (distance < nearPixels) return note(true);
      // Rows that are measured move the list, too: only a person's hand is a reason to let go of the end.
      if (!isUp || performance.now() > byHandUntil) return undefined;
      // A flick goes on by itself.
      onHand();
      return note(false);
    };
    const observer = new ResizeObserver(() => {
      if (atEnd.current) list.scrollTop = list.scrollHeight;
      lastTop = list.scrollTop;
    });
    observer.observe(inner);
    observer.observe(list);
    list.addEventListener("scroll", onScroll, { passive: true });
    for (const sign of hands) list.addEventListener(sign, onHand, { passive: true });
    return () => {
      observer.disconnect();
      list.removeEventListener("scroll", onScroll);
      for (const sign of hands) list.removeEventListener(sign, onHand);
    };
  }, [scroller, content, note]);
  return { isAtEnd, fresh: Math.max(0, count - leftAt), goToEnd, letGo: () => note(false) };
}
