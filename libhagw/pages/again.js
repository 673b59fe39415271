(() => {
/* Comes back later, each time twice as late, and not while nobody looks. */
const link = document.getElementById("again"), key = "hagw" + location.pathname;
if (!link)
return;
let tries = 0, gone = false;
try {
const last = JSON.parse(sessionStorage.getItem(key));
/* Longer ago, there was another page in between. */
if (last && Date.now() - last.at < 90000)
tries = last.tries;
} catch (e) {}
const go = () => {
if (gone)
return;
gone = true;
try {
sessionStorage.setItem(key, JSON.stringify({tries: tries + 1, at: Date.now()}));
} catch (e) {}
location.reload();
};
setTimeout(() => {
if (document.hidden)
document.addEventListener("visibilitychange", go);
else
go();
}, 1000 * Math.min(link.dataset.seconds * 2 ** tries, 300) * (.75 + Math.random() / 2));
addEventListener("online", go);
})();
