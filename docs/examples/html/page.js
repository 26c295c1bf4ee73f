// The snippet may come later than this script: what is pushed until then is made up for.
const tell = (...call) => (window.ctaopt ||= []).push(call);

// The snippet does not store the answer; a consent tool of your own does.
const known = localStorage.getItem("consent");
if (known) answer(known);
document.querySelectorAll("#consent button").forEach((button) =>
  button.addEventListener("click", () => {
    localStorage.setItem("consent", button.value);
    answer(button.value);
  }),
);

function answer(mode) {
  document.getElementById("consent").hidden = true;
  tell("consent", mode);
}

document.getElementById("order").addEventListener("submit", (event) => {
  event.preventDefault();
  tell("convert", "order", { value: 12.5, currency: "EUR" });
});
