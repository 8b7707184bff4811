// Loaded before anything is drawn, so that nobody sees the other theme flash by.
{
  const kept = localStorage.getItem("theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
}
