"use strict";
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    const keyed = [...body.rows].map((row) => {
      const found = row.cells[head.cellIndex];
      return { row, number: parseFloat(found.dataset.sort), text: found.textContent.trim() };
    });
    keyed.sort((a, b) => {
      const [noA, noB] = [Number.isNaN(a.number), Number.isNaN(b.number)];
      if (noA !== noB) return noA ? 1 : -1;
      const way = noA ? a.text.localeCompare(b.text, "en", { numeric: true }) : a.number - b.number;
      return down ? -way : way;
    });
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...keyed.map((each) => each.row));
  });
}
