import { Gauge, type LucideIcon, MessagesSquare, Settings, Smartphone } from "lucide-react";
import { go, type Screen } from "../router.ts";

const tabs: { name: Screen["name"]; path: string; label: string; icon: LucideIcon }[] = [
  { name: "inbox", path: "/", label: "Sessions", icon: MessagesSquare },
  { name: "dashboard", path: "/dashboard", label: "Dashboard", icon: Gauge },
  { name: "devices", path: "/devices", label: "Devices", icon: Smartphone },
  { name: "settings", path: "/settings", label: "Settings", icon: Settings },
];

/** Where a thumb finds the main screens. */
export function TabBar({ screen, className = "" }: { screen: Screen["name"]; className?: string }) {
  return (
    <nav aria-label="Main" className={`safe-bottom flex border-line border-t bg-paper pt-1 ${className}`}>
      {tabs.map(({ name, path, label, icon: Icon }) => (
        <button
          key={name}
          type="button"
          aria-current={name === screen ? "page" : undefined}
          onClick={() => go(path)}
          className={`target flex min-w-0 flex-1 flex-col items-center justify-center text-xs ${name === screen ? "text-clay" : "text-soft"}`}
        >
          <Icon aria-hidden className="size-5" />
          <span className="max-w-full truncate">{label}</span>
        </button>
      ))}
    </nav>
  );
}

/** Whether a screen is one of them: the others have a way back instead. */
export const isMain = (screen: Screen["name"]): boolean => tabs.some(({ name }) => name === screen);
