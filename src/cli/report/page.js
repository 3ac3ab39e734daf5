"use strict";

const table = document.querySelector(".accounts");
const rows = () => Array.from(table.tBodies);

/** Returns the sort key of a row in a column: a number, a text, or null for an empty cell, which comes last. */
function key(row, column, kind) {
  const value = row.rows[0].cells[column].dataset.sort;
  if (value === undefined) return null;
  return kind === "number" ? Number(value) : value;
}

function sort(header) {
  const kind = header.dataset.kind;
  const column = header.cellIndex;
  // Numbers begin with the largest, and the worst verdict has the largest number.
  const first = kind === "number" ? "descending" : "ascending";
  const other = first === "descending" ? "ascending" : "descending";
  const direction = header.getAttribute("aria-sort") === first ? other : first;
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const compare = kind === "number" ? (a, b) => a - b : new Intl.Collator(undefined, { numeric: true }).compare;
  const keyed = rows().map((row) => [key(row, column, kind), row]);
  keyed.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b)));
  table.append(...keyed.map(([, row]) => row));
}

for (const header of table.tHead.rows[0].cells) {
  if (!header.dataset.kind) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  button.addEventListener("click", () => sort(header));
  header.append(button);
}

const filter = document.getElementById("filter");
const wanted = filter.querySelector("input");
const shown = filter.querySelector("output");

function show() {
  const words = wanted.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  let count = 0;
  for (const row of rows()) {
    const text = row.dataset.text;
    row.hidden = !words.every((word) => text.includes(word));
    if (!row.hidden) count += 1;
  }
  shown.textContent = words.length === 0 ? "" : `${count} of ${rows().length}`;
}

wanted.addEventListener("input", show);
filter.hidden = false;

// A click anywhere in a row opens it, because the name alone is a small target for a thumb.
table.addEventListener("click", (event) => {
  const row = event.target.closest(".accounts > tbody > tr:not(.detail)");
  if (!row || event.target.closest("summary")) return;
  const details = row.querySelector("details");
  details.open = !details.open;
});
