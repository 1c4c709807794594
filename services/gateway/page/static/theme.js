// Light or dark, before the first paint: a classic script, because modules run later.
(() => {
  let kept = null;
  try {
    kept = localStorage.getItem("theme");
  } catch {
    // Storage may be closed to us; then the system's choice counts.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = kept ?? (dark ? "dark" : "light");
})();
