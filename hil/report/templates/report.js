const tests = [...document.querySelectorAll(".test")];
const buttons = [...document.querySelectorAll("[data-verdict]")];
const search = document.querySelector("#search");
function show() {
  const chosen = buttons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => b.dataset.verdict);
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const test of tests) {
    const text = test.dataset.words.toLowerCase();
    test.hidden = (chosen.length > 0 && !chosen.includes(test.dataset.of)) || !words.every((word) => text.includes(word));
  }
}
for (const button of buttons) {
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    show();
  });
}
search?.addEventListener("input", show);
function openTarget() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.matches("details")) { target.hidden = false; target.open = true; target.scrollIntoView(); }
}
addEventListener("hashchange", openTarget);
openTarget();
