// The charts of the stand-in for Google Charts, as SVG: lines and columns.
(() => {
  "use strict";
  const { Chart, events, isNumber } = google.visualization;
  const SVG = "http://www.w3.org/2000/svg";
  const MARGIN = { top: 40, right: 16, bottom: 12, left: 58 };
  const MANY_POINTS = 40;
  const CHARACTER = 7; // pixels, about
  const LINE = 14;
  const LABEL = 90; // a text that is cut to less than this tells nothing

  function shape(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function cut(text, width) {
    const longest = Math.floor(width / CHARACTER);
    return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  }

  const parts = (text) => text.split(", ").slice(0, 3); // a line each
  const longest = (texts) => Math.max(...texts.flatMap(parts).map((part) => part.length));

  /** Round numbers that enclose the values, at most six. */
  function ticks(low, high) {
    const span = high - low || Math.abs(high) || 1;
    const rough = span / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((found) => found >= rough);
    const first = Math.floor(low / step + 1e-9);
    const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
    const digits = Math.max(0, -Math.floor(Math.log10(step)));
    return [...Array(last - first + 1).keys()].map((place) => Number(((first + place) * step).toFixed(digits)));
  }

  class AxisChart extends Chart {
    render() {
      this.measure();
      const { width, height } = this;
      const names = this.series.map((column) => this.data.getColumnLabel(column)).join(", ");
      const words = { role: "img", "aria-label": `${names}; the table has the figures` };
      const picture = shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "gc-chart", ...words });
      const marks = shape("g", {});
      const plot = shape("g", { "clip-path": "none", class: "gc-plot" });
      plot.append(this.grid(), marks);
      const notes = shape("g", { class: "gc-notes" });
      // TFMA's histogram looks for its columns and their texts at these places.
      picture.append(plot, this.xLabels(), this.yLabels(), notes);
      if (this.options.legend?.position !== "none") picture.append(this.legend());
      this.drawMarks(marks, notes);
      this.container.replaceChildren(picture);
      this.showSelection();
    }

    get rows() {
      return [...Array(this.data.getNumberOfRows()).keys()];
    }

    measure() {
      this.width = this.options.width ?? (this.container.clientWidth || 400);
      this.height = this.options.height ?? 225;
      const columns = [...Array(this.data.getNumberOfColumns()).keys()].slice(1);
      this.series = columns.filter((column) => !this.data.getColumnRole(column));
      this.notes = columns.filter((column) => this.data.getColumnRole(column) === "annotation");
      this.marked = this.places();
      this.labelLines = Math.max(1, ...this.marked.map(({ text }) => parts(text).length));
      const values = this.series
        .flatMap((column) => this.rows.map((row) => this.data.getValue(row, column)))
        .filter(isNumber);
      this.ticks = ticks(Math.min(...this.enclosed(values)), Math.max(...this.enclosed(values)));
    }

    y(value) {
      const [low, high] = [this.ticks[0], this.ticks.at(-1)];
      return MARGIN.top + ((high - value) / (high - low)) * (this.height - MARGIN.top - MARGIN.bottom - LINE * this.labelLines);
    }

    /** Where a share, 0..1, of the plot's width is. */
    x(share) {
      return MARGIN.left + share * (this.width - MARGIN.left - MARGIN.right);
    }

    grid() {
      const lines = shape("g", { class: "gc-grid" });
      for (const tick of this.ticks) {
        lines.append(shape("line", { x1: this.x(0), x2: this.x(1), y1: this.y(tick), y2: this.y(tick) }));
      }
      return lines;
    }

    yLabels() {
      const labels = shape("g", {});
      const hidden = this.options.vAxis?.ticks?.every(({ f }) => f === "");
      for (const tick of hidden ? [] : this.ticks) {
        labels.append(shape("text", { x: this.x(0) - 8, y: this.y(tick) + 4, "text-anchor": "end" }, String(tick)));
      }
      return labels;
    }

    xLabels() {
      const labels = shape("g", {});
      const width = (this.x(1) - this.x(0)) / this.marked.length;
      for (const { share, text } of this.marked) {
        if (width < LABEL && longest([text]) * CHARACTER > width) continue;
        parts(text).forEach((part, line) => {
          const y = this.height - 8 - LINE * (this.labelLines - 1 - line);
          labels.append(shape("text", { x: this.x(share), y, "text-anchor": "middle" }, cut(part, width - 4)));
        });
      }
      return labels;
    }

    legend() {
      const line = shape("text", { x: this.x(0), y: 16, class: "gc-legend" });
      this.series.forEach((column, place) => {
        line.append(shape("tspan", { class: `gc-name gc-${place}`, dx: place ? 18 : 0 }, "■ "));
        line.append(shape("tspan", {}, this.data.getColumnLabel(column)));
      });
      return line;
    }

    /** A mark answers to the pointer, and says in words what it stands for. */
    live(mark, row, column) {
      const text = `${this.data.getFormattedValue(row, 0)}\n${this.data.getColumnLabel(column)}: `;
      mark.append(shape("title", {}, text + this.data.getFormattedValue(row, column)));
      mark.dataset.row = row;
      if (this.options.enableInteractivity === false) return mark;
      mark.addEventListener("pointerenter", () => events.trigger(this, "onmouseover", { row, column }));
      mark.addEventListener("pointerleave", () => events.trigger(this, "onmouseout", { row, column }));
      mark.addEventListener("click", () => this.select([{ row, column }]));
      return mark;
    }

    showSelection() {
      const chosen = new Set(this.selection.map(({ row }) => String(row)));
      for (const mark of this.container.querySelectorAll("[data-row]")) {
        mark.classList.toggle("gc-selected", chosen.has(mark.dataset.row));
      }
    }
  }

  class LineChart extends AxisChart {
    enclosed(values) {
      return values.length ? values : [0, 1];
    }

    /** Rows from left to right; a domain that is no number keeps its order. */
    ordered() {
      const rows = this.rows.map((row) => ({ row, at: this.data.getValue(row, 0) }));
      return rows.every(({ at }) => isNumber(at)) ? rows.sort((one, other) => one.at - other.at) : rows;
    }

    share(place, count) {
      return count > 1 ? 0.12 + (0.76 * place) / (count - 1) : 0.5;
    }

    places() {
      const rows = this.ordered();
      const [note] = this.notes;
      const text = ({ row }) => this.data.getFormattedValue(row, note ?? 0);
      const every = Math.ceil((rows.length * LABEL) / (this.x(0.88) - this.x(0.12)));
      const shown = rows.map((row, place) => ({ share: this.share(place, rows.length), text: text(row) }));
      return shown.filter((_, place) => (rows.length - 1 - place) % every === 0);
    }

    drawMarks(marks) {
      this.series.forEach((column, series) => marks.append(...this.line(column, series)));
    }

    /** A line with a point for each row, broken where a row has no value. */
    line(column, series) {
      const rows = this.ordered();
      const r = rows.length > MANY_POINTS ? 1.5 : 4;
      const points = [];
      let path = "";
      let pen = "M";
      rows.forEach(({ row }, place) => {
        const value = this.data.getValue(row, column);
        if (!isNumber(value)) {
          pen = "M";
          return;
        }
        const [cx, cy] = [this.x(this.share(place, rows.length)), this.y(value)];
        path += `${pen}${cx.toFixed(1)} ${cy.toFixed(1)}`;
        pen = "L";
        points.push(this.live(shape("circle", { cx, cy, r, class: `gc-point gc-${series}` }), row, column));
      });
      return [shape("path", { d: path, class: `gc-line gc-${series}` }), ...points];
    }
  }

  class ColumnChart extends AxisChart {
    enclosed(values) {
      return [0, ...values];
    }

    /** The edges that are asked for, or each column's name if there is room. */
    places() {
      const given = this.options.hAxis?.ticks ?? [];
      const share = (row) => (row + 0.5) / this.rows.length;
      const name = (row) => this.data.getFormattedValue(row, 0);
      if (!given.length) return this.rows.map((row) => ({ share: share(row), text: name(row) }));
      const apart = Math.ceil(given.length / 8); // as many as can be read beside one another
      const shown = given.map(({ f }, place) => ({ share: place / (given.length - 1), text: f }));
      return shown.filter((_, place) => place % apart === 0);
    }

    drawMarks(marks, notes) {
      const { rows } = this;
      const filled = parseFloat(this.options.bar?.groupWidth ?? "75") / 100;
      const wide = ((this.x(1) - this.x(0)) / rows.length) * filled;
      const width = Math.max(0.5, wide / this.series.length);
      this.series.forEach((column, series) => {
        for (const row of rows) {
          const value = this.data.getValue(row, column);
          const ends = isNumber(value) ? [this.y(value), this.y(0)] : [this.y(0), this.y(0)];
          const [y, foot] = [Math.min(...ends), Math.max(...ends)];
          const x = this.x((row + 0.5) / rows.length) - wide / 2 + series * width;
          const bar = { x, y, width, height: foot - y, class: `gc-bar gc-${series}` };
          marks.append(this.live(shape("rect", bar), row, column));
          notes.append(this.note(row, series, x + width / 2, y));
        }
      });
    }

    note(row, series, middle, top) {
      const column = this.notes[series];
      const text = column === undefined ? "" : this.data.getFormattedValue(row, column);
      const note = shape("g", {});
      note.append(shape("text", { x: middle, y: top - 3, "text-anchor": "middle" }, text === "0" ? "" : text));
      return note;
    }
  }

  Object.assign(google.visualization, { LineChart, ColumnChart });
})();
