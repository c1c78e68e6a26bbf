"use strict";
// Images with boxes: layers and kinds of boxes are switched, a slider hides what is unsure, figures are chosen, sorted,
// shown side by side and enlarged. All of it can be seen without this script.
(function () {
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  const make = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text) made.textContent = text;
    return made;
  };
  const root = document.documentElement;
  const figures = all("figure.shot");
  if (!figures.length) return;
  const gallery = document.querySelector(".gallery");
  const view = document.querySelector(".view"); // the switches, which follow into the enlarged image
  const home = view && view.parentElement;
  const models = gallery ? gallery.dataset.models.split(" ") : [];

  // Kinds of boxes: data-hide of the root names those that the style sheet hides.
  const hidden = new Set();
  function hide(kind, off) {
    hidden[off ? "add" : "delete"](kind);
    root.dataset.hide = Array.from(hidden).join(" ");
    for (const input of all("input[data-kind]")) {
      if (input.dataset.kind === kind) input.checked = !off;
    }
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches("input[data-kind]")) hide(event.target.dataset.kind, !event.target.checked);
  });
  const kindsOf = (layer) => (layer === "truth" ? ["truth"] : [layer + "-right", layer + "-wrong", layer + "-lost"]);
  function toggleLayer(layer) {
    const kinds = kindsOf(layer).filter((kind) => document.querySelector('input[data-kind="' + kind + '"]'));
    const off = kinds.some((kind) => !hidden.has(kind));
    for (const kind of kinds) hide(kind, off);
  }

  // A toolbar is one stop of the tab key; the arrows go on inside of it.
  for (const bar of all("[role=toolbar]")) {
    const items = all("input, button", bar);
    const rove = (to) => items.forEach((item) => { item.tabIndex = item === to ? 0 : -1; });
    rove(items[0]);
    bar.addEventListener("focusin", (event) => items.includes(event.target) && rove(event.target));
    bar.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step || !items.includes(event.target)) return;
      items[(items.indexOf(event.target) + step + items.length) % items.length].focus();
      event.preventDefault();
      event.stopPropagation();
    });
  }

  // The slider: at its left end each model's and class's own score counts, further right one score for all.
  const slider = document.querySelector("input.least-score");
  const reading = document.querySelector("output.least-score");
  function least() {
    return slider && Number(slider.value) > Number(slider.min) ? Number(slider.value) : null;
  }
  function cut(within) {
    const score = least();
    for (const box of all("rect[data-score]", within)) {
      if (box.dataset.sure === undefined) box.dataset.sure = box.classList.contains("below") ? "" : "1";
      const below = score === null ? !box.dataset.sure : Number(box.dataset.score) < score;
      box.classList.toggle("below", below);
    }
    for (const model of models) {
      for (const box of all("rect[data-" + model + "]", within)) {
        const own = "own" + model;
        if (box.dataset[own] === undefined) box.dataset[own] = box.classList.contains("lost-" + model) ? "1" : "";
        const found = box.dataset[model];
        const lost = score === null ? box.dataset[own] : found === "" || Number(found) < score;
        box.classList.toggle("lost-" + model, Boolean(lost));
      }
    }
  }
  function count(figure) {
    const told = figure.querySelector(".at-score");
    if (!told) return;
    told.hidden = least() === null;
    const stage = figure.querySelector("svg.stage");
    told.textContent = "At " + reading.textContent + ": " + models.map((model) => {
      const wrong = all("g." + model + " rect.wrong:not(.below)", stage).length;
      return model + " " + all("rect.lost-" + model, stage).length + " not found, " + wrong + " false";
    }).join("; ");
  }
  function slide() {
    reading.textContent = least() === null ? reading.dataset.own : "a score of " + slider.value + " and more";
    slider.setAttribute("aria-valuetext", reading.textContent);
    cut(document);
    for (const figure of figures) count(figure);
  }
  if (slider) slider.addEventListener("input", slide);

  // Side by side: the second picture is the first one again, with the boxes of the other model.
  function sideBySide(stages, on) {
    for (const pane of all(".pane", stages)) pane.remove();
    const stage = stages.querySelector("svg.stage");
    stages.classList.toggle("sides", on);
    stage.dataset.only = on ? models[0] : "";
    if (!on) return;
    const pane = withoutId(stage.cloneNode(true), stage);
    pane.classList.add("pane");
    pane.dataset.only = models[1];
    stage.after(pane);
  }
  function withoutId(copy, original) {
    const image = copy.querySelector("image[id]");
    if (image && original) {
      const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
      use.setAttribute("href", "#" + image.id);
      image.replaceWith(use);
    }
    return copy;
  }
  const sides = document.querySelector("input.side-by-side");
  function lay() {
    if (!sides) return;
    root.classList.toggle("in-sides", sides.checked);
    for (const stages of all(".gallery .stages, dialog.large .stages")) sideBySide(stages, sides.checked);
  }
  if (sides) sides.addEventListener("change", lay);

  // Which figures, and in which order; the first few, and more at a press.
  const tiles = gallery && gallery.querySelector(".tiles");
  const more = gallery && gallery.querySelector("details.more");
  const FIRST = gallery ? Number(gallery.dataset.first) : 0;
  let whole = false;
  let listed = figures;
  function choose() {
    const value = (name) => (gallery.querySelector("select." + name) || { value: "" }).value;
    const kind = value("by-class"), slice = value("by-slice"), order = value("by-order") || "worst";
    const has = (figure, name, wanted) => wanted === "" || JSON.parse(figure.dataset[name]).includes(wanted);
    const own = figures.filter((figure) => tiles.contains(figure));
    const number = (figure) => Number(figure.dataset[order]);
    own.sort((one, other) => (order === "name"
      ? one.dataset.name.localeCompare(other.dataset.name, undefined, { numeric: true })
      : number(other) - number(one) || Number(one.dataset.place) - Number(other.dataset.place)));
    listed = own.filter((figure) => has(figure, "classes", kind) && has(figure, "slices", slice));
    for (const figure of own) figure.hidden = !listed.includes(figure);
    listed.forEach((figure, place) => figure.classList.toggle("beyond", !whole && place >= FIRST));
    tiles.append(...own);
    gallery.querySelector(".none").hidden = listed.length > 0;
    rest.hidden = whole || listed.length <= FIRST;
    rest.textContent = "Show " + (listed.length - FIRST) + " more";
  }
  const rest = make("button", "rest");
  rest.type = "button";
  if (gallery) {
    if (more) {
      tiles.append(...all("figure.shot", more));
      more.remove();
    }
    tiles.after(rest);
    rest.addEventListener("click", () => {
      const next = listed[FIRST];
      whole = true;
      choose();
      next.querySelector(".enlarge").focus();
    });
    for (const select of all(".gallery select")) select.addEventListener("change", choose);
    choose();
  }

  // One figure large; the arrows go on to the others of its group, and the address names it.
  const dialog = make("dialog", "large");
  const bar = make("div", "bar");
  const place = make("span", "place");
  const switches = make("div", "switches");
  const large = make("div", "large-image");
  const caption = make("div", "large-caption");
  const keys = make("p", "keys quiet", "Keys: ← → other images" + (models.length > 1 ? ", 1 2 3 boxes, s side by side" : ", 1 2 3 boxes") + ", Esc close, ? this line");
  place.setAttribute("aria-live", "polite");
  keys.hidden = true;
  const press = (text, name, act) => {
    const button = make("button", name, text);
    button.type = "button";
    button.addEventListener("click", act);
    return button;
  };
  bar.append(place, press("← previous", "previous", () => move(-1)), press("next →", "following", () => move(1)),
    press("?", "help", help), press("close", "close", () => dialog.close()));
  bar.querySelector(".help").setAttribute("aria-label", "Keys");
  dialog.append(bar, switches, keys, large, caption);
  dialog.setAttribute("aria-label", "Image");
  document.body.append(dialog);
  let current = null;
  const groupOf = (figure) => (tiles && tiles.contains(figure) ? listed : all("figure.shot", figure.closest(".shots")));
  function help() {
    const own = dialog.open ? [keys] : all(".keys", gallery || dialog);
    for (const line of own) line.hidden = !line.hidden;
  }
  function ownSwitches(figure) {
    // Where no switches are on the page, each layer of this figure has one.
    const titles = new Map(all("g.layer", figure).map((layer) => [layer.dataset.layer, layer.dataset.title]));
    const bar = make("fieldset");
    bar.append(make("legend", "", "Boxes"));
    for (const [name, title] of titles) {
      const label = make("label", "switch " + name);
      const input = make("input");
      input.type = "checkbox";
      input.dataset.kind = name;
      input.checked = !hidden.has(name);
      label.append(input, " " + title);
      bar.append(label);
    }
    return titles.size > 1 ? [bar] : [];
  }
  function show(figure) {
    // Letters are for small pictures; in a large one they would hide it.
    current = figure;
    const stages = figure.querySelector(".stages").cloneNode(true);
    for (const pane of all(".pane, .enlarge", stages)) pane.remove();
    for (const stage of all("svg.stage", stages)) withoutId(stage, stage);
    for (const text of all("text", stages)) text.setAttribute("font-size", text.getAttribute("font-size") * 0.55);
    large.replaceChildren(stages);
    caption.replaceChildren(...all("figcaption", figure)[0].cloneNode(true).childNodes);
    const own = gallery && gallery.contains(figure);
    switches.replaceChildren(...(own ? [view] : ownSwitches(figure)));
    if (own && sides) sideBySide(stages, sides.checked);
    const group = groupOf(figure);
    place.textContent = (group.indexOf(figure) + 1) + " of " + group.length + ": " + figure.dataset.name;
    history.replaceState(null, "", figure.querySelector(".enlarge").getAttribute("href"));
    if (!dialog.open) dialog.showModal();
    bar.querySelector(".following").focus();
  }
  function move(by) {
    const group = groupOf(current);
    show(group[(group.indexOf(current) + by + group.length) % group.length]);
  }
  function open(hash) {
    let id = hash.slice(1);
    try { id = decodeURIComponent(id); } catch { /* a stranger's address: as it is */ }
    const figure = figures.find((each) => each.id === id);
    if (figure) show(figure);
    return Boolean(figure);
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.enlarge, a.crop");
    const figure = event.target.closest("figure.shot .stages");
    if (link ? open(link.hash) : figure && !dialog.contains(figure)) {
      event.preventDefault();
      event.stopPropagation();
      if (!link) show(figure.closest("figure.shot"));
    }
  }, true);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    if (view) home.append(view);
    large.replaceChildren();
    history.replaceState(null, "", location.pathname + location.search);
    if (current.classList.contains("beyond")) { whole = true; choose(); }
    current.querySelector(".enlarge").focus();
  });
  addEventListener("hashchange", () => open(location.hash));
  open(location.hash);

  // Keys of one letter count while the gallery is in use, and never while something is typed.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest && event.target.closest("select, textarea, input:not([type=checkbox])")) return;
    const used = dialog.open || (gallery && gallery.matches(":hover, :focus-within"));
    const layers = Array.from(new Set(all("svg.stage g.layer", dialog.open ? large : gallery || large).map((g) => g.dataset.layer)));
    if (!used) return;
    if (dialog.open && event.key === "ArrowLeft") move(-1);
    else if (dialog.open && event.key === "ArrowRight") move(1);
    else if (/^[1-3]$/.test(event.key) && layers[event.key - 1]) {
      if (document.querySelector('input[data-kind="' + layers[event.key - 1] + '"]')) {
        hide(layers[event.key - 1], !hidden.has(layers[event.key - 1]));
      } else toggleLayer(layers[event.key - 1]);
    } else if (event.key === "s" && sides) {
      sides.checked = !sides.checked;
      lay();
    } else if (event.key === "?") help();
    else return;
    event.preventDefault();
  });
})();
