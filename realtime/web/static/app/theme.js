// Light or dark, before the first paint: a classic script, because modules run after the page was drawn once.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  let chosen = null;
  try {
    chosen = localStorage.getItem("plenum.theme");
  } catch {
    // storage is forbidden: the system's wish decides
  }
  const show = () => (root.dataset.theme = chosen ?? (system.matches ? "dark" : "light"));
  system.addEventListener("change", show);
  show();
  globalThis.plenumTheme = {
    flip() {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("plenum.theme", chosen);
      } catch {
        // it holds for this page
      }
      show();
    },
  };
})();
