// What must be settled before the first paint: light or dark, and the language with its direction. A classic script,
// because modules run after the page was drawn once.
(() => {
  const root = document.documentElement;
  const keep = (key, value) => {
    try {
      if (value !== undefined) localStorage.setItem(key, value);
      return localStorage.getItem(key);
    } catch {
      return null; // storage is forbidden: it holds for this page, and the system's wish decides on the next
    }
  };

  // A page of which a part got lost on the way would stay white, and say nothing.
  const WORDS = {
    en: ["This page did not arrive whole. Check your connection.", "Load the page again"],
    de: ["Diese Seite ist nicht ganz angekommen. Bitte die Verbindung prüfen.", "Seite neu laden"],
    fr: ["Cette page n’est pas arrivée entière. Vérifiez votre connexion.", "Recharger la page"],
    es: ["Esta página no ha llegado entera. Compruebe la conexión.", "Volver a cargar la página"],
    nl: ["Deze pagina is niet heel aangekomen. Controleer de verbinding.", "Pagina opnieuw laden"],
  };
  const rescue = ({ target }) => {
    if (target !== window && target !== document && target.tagName !== "SCRIPT") return; // a picture is no page
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", rescue, { once: true });
    if (!document.body || document.querySelector("main")) return;
    const [main, text, button] = ["main", "p", "button"].map((tag) => document.createElement(tag));
    [text.textContent, button.textContent] = WORDS[root.lang];
    text.setAttribute("role", "alert");
    button.className = "primary";
    button.addEventListener("click", () => location.reload());
    addEventListener("online", () => location.reload());
    main.append(text, button);
    document.body.append(main);
  };
  addEventListener("error", rescue, true);
  addEventListener("unhandledrejection", rescue);

  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = keep("plenum.theme");
  const show = () => (root.dataset.theme = chosen ?? (system.matches ? "dark" : "light"));
  system.addEventListener("change", show);
  show();
  globalThis.plenumTheme = {
    flip() {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      keep("plenum.theme", chosen);
      show();
    },
  };

  const languages = ["en", "de", "fr", "es", "nl"]; // the same as in i18n.js
  const wished = [keep("plenum.language"), ...navigator.languages].filter(Boolean).map((tag) => tag.split("-")[0]);
  root.lang = wished.find((tag) => languages.includes(tag)) ?? "en";
  // "-XB" is the pseudo-locale of those who test: every text as it is, in a page that reads from right to left.
  const isMirrored = keep("plenum.language")?.endsWith("-XB");
  root.dir = isMirrored || ["ar", "fa", "he", "ur"].includes(root.lang) ? "rtl" : "ltr";
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = new URL(`texts/${root.lang}.js`, document.currentScript.src).href;
  document.head.append(link);
  globalThis.plenumLanguage = {
    choose(language) {
      keep("plenum.language", language);
      location.reload();
    },
  };
})();
