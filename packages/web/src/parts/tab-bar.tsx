import { Gauge, type LucideIcon, MessagesSquare, Settings, Smartphone } from "lucide-react";
import { go, type Screen } from "../router.ts";

const tabs: { name: Screen["name"]; path: string; label: string; icon: LucideIcon }[] = [
  { name: "inbox", path: "/", label: "Sessions", icon: MessagesSquare },
  { name: "dashboard", path: "/dashboard", label: "Dashboard", icon: Gauge },
  { name: "devices", path: "/devices", label: "Devices", icon: Smartphone },
  { name: "settings", path: "/settings", label: "Settings", icon: Settings },
];

/** Where a thumb finds the main screens; not where a conversation needs the room. On a desk it stands below the list. */
export function TabBar({ screen }: { screen: Screen["name"] }) {
  const isMain = tabs.some(({ name }) => name === screen);
  return (
    <nav
      aria-label="Main"
      className={`safe-bottom border-line border-t bg-paper pt-1 lg:flex lg:w-80 lg:border-r xl:w-96 ${isMain ? "flex" : "hidden"}`}
    >
      {tabs.map(({ name, path, label, icon: Icon }) => (
        <button
          key={name}
          type="button"
          aria-current={name === screen ? "page" : undefined}
          onClick={() => go(path)}
          className={`target flex flex-1 flex-col items-center justify-center text-xs ${name === screen ? "text-clay" : "text-soft"}`}
        >
          <Icon aria-hidden className="size-5" />
          {label}
        </button>
      ))}
    </nav>
  );
}
