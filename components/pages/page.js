"use strict";
// Everything can be read without this script; it folds, finds, sorts and copies.
(function () {
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  document.documentElement.classList.add("scripted");

  // What the address names is opened, with all folds around it; what is opened stands in the address.
  function reveal(id) {
    const target = id && document.getElementById(decodeURIComponent(id));
    if (!target) return;
    const own = target.matches("details") ? target : target.querySelector(":scope > details");
    if (own) own.open = true;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", () => reveal(location.hash.slice(1)));
  reveal(location.hash.slice(1));
  for (const link of all('a[href^="#"]')) {
    link.addEventListener("click", () => reveal(link.getAttribute("href").slice(1)));
  }
  for (const summary of all("section > details > summary")) {
    summary.addEventListener("click", () => {
      if (location.protocol === "about:") return; // in a notebook's frame, which has no address
      const section = summary.closest("section");
      if (!summary.parentElement.open) history.replaceState(null, "", "#" + section.id);
      else if (location.hash === "#" + section.id) history.replaceState(null, "", location.pathname + location.search);
    });
  }

  // The rail says where one is.
  const links = new Map(all('.rail a[href^="#"]').map((link) => [link.getAttribute("href").slice(1), link]));
  const visible = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) visible.add(entry.target.id);
      else visible.delete(entry.target.id);
    }
    const current = Array.from(links.keys()).find((id) => visible.has(id));
    for (const [id, link] of links) {
      if (id === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-24px 0px -60% 0px" });
  for (const section of all("main > section")) watcher.observe(section);

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
      const told = button.textContent;
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        // A page opened as a file may not use the clipboard; then the text stands selected.
        getSelection().selectAllChildren(code);
        button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
      }
      setTimeout(() => { button.textContent = told; }, 2000);
    });
  }

  // On paper nothing can be opened. Browsers that know ::details-content do it by the style sheet; this is for the others.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    for (const each of opened) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of opened) each.open = false; });
})();
