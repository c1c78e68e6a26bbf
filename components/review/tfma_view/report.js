// Searches the tables, and starts TFMA's components when their section is opened for the first time.
(() => {
  "use strict";
  for (const input of document.querySelectorAll("input[data-rows-of]")) {
    const rows = [...document.getElementById(input.dataset.rowsOf).tBodies[0].rows];
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      for (const row of rows) row.hidden = !row.cells[0].firstChild.data.toLowerCase().includes(wanted);
    });
  }

  const section = document.getElementById("tfma-view").firstElementChild;
  const message = document.getElementById("tfma-message");
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  let started = false;
  let isPrinting = false; // then every fold is opened

  message.textContent = "";

  /** Runs a script whose hash the page's policy names. */
  function run(text) {
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
    script.remove();
  }

  function sheetOf(text) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  }

  // The page's policy allows no style but the page's own, so that data cannot bring any. TFMA's components write style
  // elements and style attributes; their rules are applied through the object model instead, which scripts may do.

  /** Takes style elements out of what is about to enter a document or shadow root, and makes sheets of them. */
  function lift(node, root) {
    const styles = node.localName === "style" ? [node] : (node.querySelectorAll?.("style") ?? []);
    let lifted = node;
    for (const style of styles) {
      const sheet = sheetOf(style.textContent);
      root.adoptedStyleSheets.push(sheet);
      // In the document ShadyCSS looks for the rules again, to work out mixins: it finds an element of that name.
      const text = document.createElementNS(null, "style");
      text.textContent = style.textContent;
      new MutationObserver(() => sheet.replaceSync(text.textContent)).observe(text, { childList: true });
      if (style === node) lifted = text;
      else if (root === document) style.replaceWith(text);
      else style.remove();
    }
    return lifted;
  }

  function liftFrom(parent, root) {
    for (const name of ["appendChild", "insertBefore"]) {
      const insert = parent[name];
      parent[name] = function inserted(node, ...where) {
        return insert.call(this, lift(node, root), ...where);
      };
    }
  }

  /** Gives the page's look to the document and to the inside of every component. */
  function adopt(text) {
    const look = sheetOf(text);
    document.adoptedStyleSheets.push(look);
    liftFrom(document.head, document);
    const { attachShadow, setAttribute } = Element.prototype;
    Element.prototype.attachShadow = function attach(options) {
      const root = attachShadow.call(this, options);
      liftFrom(root, root);
      // Later, so that it comes after the component's own sheets.
      queueMicrotask(() => root.adoptedStyleSheets.push(look));
      return root;
    };
    Element.prototype.setAttribute = function set(name, value) {
      if (name === "style") this.style.cssText = value;
      else setAttribute.call(this, name, value);
    };
  }

  function show(place, name, properties) {
    const view = Object.assign(document.createElement(name), properties);
    document.getElementById(place).append(view);
    return view;
  }

  /** A table and charts of slices. */
  function showSlices(place, { data, metrics, shown }) {
    if (!data.length) return;
    const formats = { objects: { type: tfma.MetricValueFormat.INT } };
    const properties = { weightedExamplesColumn: "example_count", formats, metrics, data: flattened(data) };
    const browser = show(place, "tfma-slicing-metrics-browser", properties);
    browser.$.graph.shadowRoot.querySelector("tfma-slice-overview").metricToShow = shown;
  }

  /** Without the levels of outputs and sub keys, which Ratchet's figures do not have. */
  function flattened(data) {
    const rows = data.map((row) => ({ ...row, metrics: row.metrics[""][""] }));
    tfma.Data.flattenMetrics(rows, "metrics");
    return rows;
  }

  function start() {
    started = true;
    const { style, scripts } = read("tfma-parts");
    const { overall, classes, slices, crossed, series } = read("tfma-data");
    window.polymerSkipLoadingFontRoboto = true; // or Polymer asks Google for a font
    adopt(style);
    scripts.forEach(run);
    const { metrics } = overall;
    const data = tfma.Data.build(metrics, flattened(overall.data));
    show("tfma-overall", "tfma-metrics-table", { headerOverride: { feature: "figure" }, metrics, data });
    showSlices("tfma-classes", classes);
    showSlices("tfma-slices", slices);
    showSlices("tfma-crossed", crossed);
    show("tfma-series", "tfma-nb-time-series", series);
  }

  function opened() {
    if (started || isPrinting || !section.open) return;
    try {
      start();
    } catch (error) {
      message.textContent = `TFMA's view could not be drawn: ${error.message}`;
      throw error;
    }
  }

  section.addEventListener("toggle", opened);
  addEventListener("beforeprint", () => { isPrinting = true; });
  addEventListener("afterprint", () => setTimeout(() => { isPrinting = false; }));
  opened();
})();
