"use strict";
// The index of runs: rows of a verdict, of a cause or with a text, and two of them side by side.
(function () {
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  const rows = all("table.runs tbody tr");
  const [verdict, cause, text, found] = ["of-verdict", "of-cause", "of-text", "found"].map((id) => document.getElementById(id));
  if (!rows.length || !verdict) return;

  function filter() {
    const words = text.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = (!verdict.value || row.dataset.verdict === verdict.value)
        && (!cause.value || row.dataset.cause === cause.value) && (!words || row.textContent.toLowerCase().includes(words));
      row.hidden = !fits;
      shown += fits;
    }
    const asked = verdict.value || cause.value || words;
    found.textContent = asked ? shown + " of " + rows.length + " runs" : "";
    const earlier = document.getElementById("earlier");
    if (earlier && asked && all("tbody tr:not([hidden])", earlier).length) earlier.open = true;
  }
  for (const each of [verdict, cause, text]) each.addEventListener("input", filter);

  const chosen = [];
  const panel = document.getElementById("side-by-side");
  const told = document.getElementById("chosen");
  for (const row of rows) {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.className = "pick";
    box.setAttribute("aria-label", "compare run " + row.dataset.run);
    row.cells[0].prepend(box);
    box.addEventListener("change", () => {
      if (box.checked) chosen.push(row);
      else chosen.splice(chosen.indexOf(row), 1);
      while (chosen.length > 2) chosen.shift().querySelector(".pick").checked = false;
      if (chosen.length === 2) compare();
      told.hidden = chosen.length === 2;
      if (chosen.length < 2) clear();
    });
  }

  function clear() {
    for (const made of all(".made", panel)) made.remove();
  }

  function element(name, content, kind) {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    if (content !== undefined) made.textContent = content;
    return made;
  }

  const when = (row) => row.querySelector(".when").textContent;

  function compare() {
    clear();
    const [old, fresh] = chosen.slice().sort((a, b) => when(a).localeCompare(when(b)));
    const titles = all("thead th", rows[0].closest("table")).map((title) => title.textContent);
    const table = element("table");
    const body = table.createTBody();
    for (let column = 0; column < titles.length; column++) {
      const line = body.insertRow();
      const head = element("th", titles[column]);
      head.scope = "row";
      line.append(head);
      for (const row of [old, fresh]) {
        const cell = line.insertCell();
        cell.append(...Array.from(row.cells[column].childNodes).map((node) => node.cloneNode(true)));
        for (const box of all(".pick", cell)) box.remove();
      }
    }
    const scroll = element("div", undefined, "scroll made");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "two runs side by side");
    scroll.append(table);
    const [before, after] = [old, fresh].map((row) => row.cells[3].dataset.value);
    let words = "One of them has no mAP.";
    if (before !== "" && after !== "") {
      const change = Number(after) - Number(before);
      words = "mAP " + (change < 0 ? "\u2212" : "+") + Math.abs(change).toFixed(4) + " from the earlier to the later run";
      if (!old.dataset.golden || old.dataset.golden !== fresh.dataset.golden) {
        words += ", on different golden sets: that says nothing";
      } else {
        words += " on one golden set; the command says with which interval";
      }
      words += ".";
    }
    const command = element("div", undefined, "command made");
    const code = element("code", panel.dataset.command.replace("RUN_A", old.dataset.run).replace("RUN_B", fresh.dataset.run));
    const pre = element("pre");
    pre.tabIndex = 0;
    pre.append(code);
    command.append(pre);
    panel.append(element("p", words, "made lead"), scroll, command);
    panel.closest("details").open = true;
    panel.scrollIntoView({ block: "center" });
  }
})();
