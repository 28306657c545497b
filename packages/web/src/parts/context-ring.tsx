const radius = 8;
const around = 2 * Math.PI * radius;

/** How full the context is, as a ring: nearly full is amber. Nothing while it is not known. */
export function ContextRing({ percentage }: { percentage: number | undefined }) {
  if (percentage === undefined) return null;
  const full = Math.min(100, Math.max(0, percentage));
  const words = `Context ${Math.round(full)} % full`;
  return (
    <svg role="img" aria-label={words} viewBox="0 0 20 20" className="-rotate-90 mx-1 size-5 shrink-0">
      <title>{words}</title>
      <circle cx="10" cy="10" r={radius} fill="none" strokeWidth="3" className="stroke-line" />
      <circle
        cx="10"
        cy="10"
        r={radius}
        fill="none"
        strokeWidth="3"
        strokeDasharray={`${(full / 100) * around} ${around}`}
        className={full > 80 ? "stroke-amber" : "stroke-clay"}
      />
    </svg>
  );
}
