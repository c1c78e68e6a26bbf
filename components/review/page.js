"use strict";
// Everything can be read without this script; it switches, sorts, enlarges and copies.
(function () {
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  document.documentElement.classList.add("scripted");

  // Layers of boxes: the switches of gallery and enlarged image are the same ones.
  const gallery = document.querySelector(".gallery");
  const dialog = document.querySelector("dialog.large");
  const switches = all("input[data-layer]");
  function showLayer(name, on) {
    for (const input of switches) {
      if (input.dataset.layer === name) input.checked = on;
    }
    for (const part of [gallery, dialog]) part.classList.toggle("without-" + name, !on);
  }
  for (const input of switches) {
    input.addEventListener("change", () => showLayer(input.dataset.layer, input.checked));
  }

  // One class at a time.
  const figures = gallery ? all("figure[data-classes]", gallery) : [];
  const byClass = document.querySelector("select.by-class");
  if (byClass) {
    byClass.addEventListener("change", () => {
      for (const figure of figures) {
        figure.hidden = byClass.value !== "" && !JSON.parse(figure.dataset.classes).includes(byClass.value);
      }
      gallery.querySelector(".none").hidden = figures.some((figure) => !figure.hidden);
    });
  }

  // An image large, with the others a key away.
  if (dialog) {
    const shown = () => figures.filter((figure) => !figure.hidden);
    let current = null;
    const show = (figure) => {
      current = figure;
      const image = dialog.querySelector(".large-image");
      image.replaceChildren(figure.querySelector(".stage").cloneNode(true));
      dialog.querySelector(".large-caption").replaceChildren(figure.querySelector("figcaption").cloneNode(true));
      const list = shown();
      dialog.querySelector(".place").textContent = (list.indexOf(figure) + 1) + " of " + list.length;
      if (!dialog.open) dialog.showModal();
    };
    const move = (by) => {
      const list = shown();
      show(list[(list.indexOf(current) + by + list.length) % list.length]);
    };
    for (const figure of figures) {
      figure.querySelector(".enlarge").addEventListener("click", () => show(figure));
    }
    dialog.querySelector(".previous").addEventListener("click", () => move(-1));
    dialog.querySelector(".following").addEventListener("click", () => move(1));
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => current && current.querySelector(".enlarge").focus());
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const typing = event.target.closest && event.target.closest("select, textarea, input:not([type=checkbox])");
      if (typing) return;
      if (dialog.open && event.key === "ArrowLeft") move(-1);
      else if (dialog.open && event.key === "ArrowRight") move(1);
      else if (/^[1-3]$/.test(event.key)) {
        const input = all("input[data-layer]", gallery)[Number(event.key) - 1];
        if (input) showLayer(input.dataset.layer, !input.checked);
      } else return;
      event.preventDefault();
    });
  }

  // Tables that sort by the column whose title is pressed.
  for (const table of all("table.sortable")) {
    const body = table.tBodies[0];
    all("thead th[data-sort]", table).forEach((title) => {
      const column = title.cellIndex;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...title.childNodes);
      title.append(button);
      button.addEventListener("click", () => {
        const ascending = title.getAttribute("aria-sort") !== "ascending";
        for (const other of all("th", table.tHead)) other.removeAttribute("aria-sort");
        title.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        const numeric = title.dataset.sort === "number";
        const key = (row) => {
          const cell = row.cells[column];
          if (!numeric) return cell.textContent;
          return cell.dataset.value === "" ? null : Number(cell.dataset.value);
        };
        const rows = Array.from(body.rows).map((row) => [key(row), row]);
        rows.sort(([a], [b]) => {
          if (a === null || b === null) return (a === null) - (b === null); // undefined ones stay last
          const order = numeric ? a - b : a.localeCompare(b, undefined, { numeric: true });
          return ascending ? order : -order;
        });
        body.append(...rows.map(([, row]) => row));
      });
    });
  }

  for (const button of all("button.copy")) {
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        // A page opened as a file may not use the clipboard; then the text stands selected.
        getSelection().selectAllChildren(code);
        button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  // On paper nothing can be opened.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("details:not([open]):not(.not-printed)");
    for (const each of opened) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of opened) each.open = false; });
})();
