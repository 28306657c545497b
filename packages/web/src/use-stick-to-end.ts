import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

/** So near to the end counts as being there. */
const nearPixels = 80;

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
    const onScroll = () => {
      const distance = list.scrollHeight - list.scrollTop - list.clientHeight;
      // Only a person scrolls up; that the list has grown below is no reason to let go of the end.
      if (distance < nearPixels) note(true);
      else if (list.scrollTop < lastTop - 2) note(false);
      lastTop = list.scrollTop;
    };
    const observer = new ResizeObserver(() => {
      if (atEnd.current) list.scrollTop = list.scrollHeight;
      lastTop = list.scrollTop;
    });
    observer.observe(inner);
    observer.observe(list);
    list.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      list.removeEventListener("scroll", onScroll);
    };
  }, [scroller, content, note]);
  return { isAtEnd, fresh: Math.max(0, count - leftAt), goToEnd, letGo: () => note(false) };
}
