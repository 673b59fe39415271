(() => {
const field = document.getElementById("password"), show = document.getElementById("show");
const set = shown => {
field.type = shown ? "text" : "password";
show.textContent = shown ? show.dataset.hide : show.dataset.show;
};
show.hidden = false;
show.addEventListener("click", () => { set(field.type == "password"); field.focus(); });
field.form.addEventListener("submit", () => set(false));
addEventListener("pageshow", () => set(false));
/* A service's worker may have kept this page from before somebody logged in. It answers no HEAD. */
if (navigator.serviceWorker && navigator.serviceWorker.controller)
fetch(field.form.action, {method: "HEAD", redirect: "manual", cache: "no-store"}).then(answer => {
if (answer.type == "opaqueredirect")
setTimeout(() => location.replace(field.form.elements.return.value), 1000);
}, () => {});
})();
