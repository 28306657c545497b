import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { conditions: ["source", "module", "browser", "import", "default"] },
  build: {
    // The service worker has a name that stays: browsers ask for it by that.
    rolldownOptions: {
      input: { index: "index.html", worker: "src/worker.ts" },
      output: { entryFileNames: ({ name }) => (name === "worker" ? "worker.js" : "assets/[name]-[hash].js") },
    },
    // Inlined files would be scripts and pictures that the security policy does not know.
    assetsInlineLimit: 0,
    // Colours of a language come when it is first met; the grammar of C++ is what it is.
    chunkSizeWarningLimit: 1_000,
    modulePreload: { polyfill: false },
  },
});
