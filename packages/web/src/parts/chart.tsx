import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useMedia } from "../hooks.ts";

/** A line of a chart. */
export interface Line {
  label: string;
  /** A value for each time; undefined: nothing was measured. */
  values: readonly (number | undefined)[];
}

const heightPixels = 160;
const looks = ["text-clay", "text-done", "text-amber", "text-soft", "text-danger"] as const;

/** Values over time. What it shows stands beside it in words, for those who cannot see it. */
export function Chart({
  times,
  lines,
  format,
  spanMs,
  isFilled = false,
}: {
  /** Milliseconds since 1970, rising. */
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  /** How far back from now the picture goes, whatever was measured in that time. */
  spanMs: number;
  isFilled?: boolean;
}) {
  const place = useRef<HTMLDivElement>(null);
  const isDark = useMedia("(prefers-color-scheme: dark)");
  // biome-ignore lint/correctness/useExhaustiveDependencies: other colours are another picture
  useEffect(() => {
    const { current } = place;
    if (current === null || times.length === 0) return undefined;
    const colorOf = (look: string) => {
      const probe = document.createElement("span");
      probe.className = look;
      current.append(probe);
      const { color } = getComputedStyle(probe);
      probe.remove();
      return color;
    };
    const axis = {
      stroke: colorOf("text-soft"),
      grid: { stroke: colorOf("text-line"), width: 1 },
      ticks: { show: false },
    };
    const plot = new uPlot(
      {
        width: current.clientWidth,
        height: heightPixels,
        cursor: { y: false, points: { size: 6 } },
        legend: { show: lines.length > 1 || !isFilled },
        axes: [axis, { ...axis, size: 56, values: (_plot, ticks) => ticks.map((tick) => format(tick)) }],
        scales: {
          x: { range: () => [(Date.now() - spanMs) / 1_000, Date.now() / 1_000] },
          y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
        },
        series: [
          {},
          ...lines.map(({ label }, i) => {
            const stroke = colorOf(looks[i % looks.length] ?? "text-clay");
            return {
              label,
              stroke,
              width: 2,
              points: { show: times.length < 3 },
              value: (_plot: uPlot, value: number | null) => (value === null ? "–" : format(value)),
              ...(isFilled ? { fill: stroke.replace(/\)$/, " / 0.15)") } : {}),
            };
          }),
        ],
      },
      [
        times.map((time) => time / 1_000),
        ...lines.map(({ values }) => values.map((value) => value ?? null)),
      ] as uPlot.AlignedData,
      current,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height: heightPixels }));
    observer.observe(current);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [times, lines, format, spanMs, isFilled, isDark]);
  const words = lines.map(({ label, values }) => {
    const known = values.filter((value) => value !== undefined);
    return known.length === 0
      ? `${label}: nothing`
      : `${label}: newest ${format(known.at(-1) ?? 0)}, most ${format(Math.max(...known))}`;
  });
  return (
    <div
      ref={place}
      role="img"
      aria-label={words.join("; ")}
      className="chart min-w-0"
      style={{ minHeight: heightPixels }}
    />
  );
}
