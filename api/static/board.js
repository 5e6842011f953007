// Keeps the board up to date: fetches the part that changes, and says in words what is new.
"use strict";
const news = document.getElementById("news");
const connection = document.getElementById("connection");
let tag = "";

async function look() {
  const headers = tag ? { "If-None-Match": tag } : {};
  const answer = await fetch("/staff/board", { headers, redirect: "manual", cache: "no-store" });
  if (answer.type === "opaqueredirect" || answer.status === 403) {
    // Signed out, here or elsewhere.
    location.reload();
    return;
  }
  if (answer.status !== 304) {
    if (!answer.ok) throw new Error(answer.status);
    show(new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("board"));
    tag = answer.headers.get("ETag");
  }
  connection.textContent = "";
}

function show(now) {
  const before = document.getElementById("board");
  if (now.dataset.news !== before.dataset.news) news.textContent = now.dataset.news;
  document.getElementById("as-of").textContent = now.dataset.asOf;
  const focused = before.contains(document.activeElement) && nameOf(document.activeElement);
  const moved = [...before.querySelectorAll(".across")].map((table) => [nameOf(table), table.scrollLeft]);
  before.replaceWith(document.adoptNode(now));
  // Whoever is in the middle of it stays where they are.
  for (const [name, left] of moved) {
    const table = left > 0 && find(now, name);
    if (table) table.scrollLeft = left;
  }
  if (focused) (find(now, focused) || document.getElementById("main")).focus({ preventScroll: true });
}

function find(part, name) {
  return [...part.querySelectorAll("a, [tabindex]")].find((each) => nameOf(each) === name);
}

function nameOf(element) {
  return element.id || element.getAttribute("href") || element.getAttribute("aria-label");
}

setInterval(() => {
  look().catch(() => {
    connection.textContent = "No connection: this may be out of date.";
  });
}, news.dataset.every * 1000);
