// The table of the stand-in for Google Charts: sorted by its heads, in pages, its rows can be chosen.
(() => {
  "use strict";
  const { Chart, compareCells, events, isNumber } = google.visualization;

  // The one cell that TFMA writes as HTML and that Ratchet's figures need. Every other text is shown as it is: a class
  // may be called like a tag.
  const NUMBER = "(-?[\\d.]+(?:e[+-]?\\d+)?)";
  const BOUNDED = new RegExp(
    `^<tfma-bounded-value value=${NUMBER} lower-bound=${NUMBER} upper-bound=${NUMBER}></tfma-bounded-value>$`,
  );

  function element(name, className, text = "") {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  }

  function boundedValue([, value, lowerBound, upperBound]) {
    const made = element("tfma-bounded-value");
    made.setAttribute("value", value);
    made.setAttribute("lower-bound", lowerBound);
    made.setAttribute("upper-bound", upperBound);
    return made;
  }

  class Table extends Chart {
    begin() {
      super.begin();
      this.page = 0;
      this.sorted = null;
      this.order = [...Array(this.data.getNumberOfRows()).keys()];
    }

    get pageSize() {
      return this.options.pageSize ?? Math.max(1, this.order.length);
    }

    render() {
      const table = element("table", "gc-table");
      table.append(this.head(), this.body());
      this.container.replaceChildren(table);
      if (this.order.length > this.pageSize) this.container.append(this.pager());
      this.showSelection();
    }

    head() {
      const row = element("tr");
      for (let column = 0; column < this.data.getNumberOfColumns(); column += 1) {
        const cell = element("th", column ? "gc-number" : "");
        const button = element("button", "gc-sort", this.data.getColumnLabel(column));
        button.type = "button";
        button.addEventListener("click", () => this.sort(column));
        if (this.sorted?.column === column) cell.ariaSort = this.sorted.ascending ? "ascending" : "descending";
        cell.scope = "col";
        cell.append(button);
        row.append(cell);
      }
      const head = element("thead");
      head.append(row);
      return head;
    }

    body() {
      const body = element("tbody");
      const first = this.page * this.pageSize;
      for (const row of this.order.slice(first, first + this.pageSize)) body.append(this.row(row));
      return body;
    }

    row(row) {
      const line = element("tr");
      line.dataset.row = row;
      line.addEventListener("click", () => this.select(this.selection[0]?.row === row ? [] : [{ row, column: null }]));
      for (let column = 0; column < this.data.getNumberOfColumns(); column += 1) {
        const text = this.data.getFormattedValue(row, column);
        const bounded = column > 0 && BOUNDED.exec(text);
        const number = column > 0 && isNumber(this.data.getValue(row, column));
        const cell = element("td", number ? "gc-number" : "", bounded ? "" : text);
        if (bounded) cell.append(boundedValue(bounded));
        line.append(cell);
      }
      return line;
    }

    sort(column) {
      const ascending = this.sorted?.column === column ? !this.sorted.ascending : true;
      this.sorted = { column, ascending };
      this.order.sort((one, other) =>
        compareCells(this.data.getCell(one, column), this.data.getCell(other, column), ascending),
      );
      this.turn(0);
      this.container.querySelectorAll(".gc-sort")[column].focus();
      events.trigger(this, "sort", { column, ascending, sortedIndexes: [...this.order] });
    }

    pager() {
      const last = Math.ceil(this.order.length / this.pageSize) - 1;
      const line = element("div", "gc-pager");
      for (const [label, page] of [["Previous", this.page - 1], ["Next", this.page + 1]]) {
        const button = element("button", "", label);
        button.type = "button";
        button.disabled = page < 0 || page > last;
        button.addEventListener("click", () => this.turn(page));
        line.append(button);
      }
      line.append(element("span", "", `Page ${this.page + 1} of ${last + 1}`));
      return line;
    }

    turn(page) {
      this.page = page;
      this.render();
      events.trigger(this, "page", { page });
    }

    showSelection() {
      const chosen = new Set(this.selection.map(({ row }) => String(row)));
      for (const line of this.container.querySelectorAll("tbody tr")) line.ariaSelected = chosen.has(line.dataset.row);
    }
  }

  google.visualization.Table = Table;
})();
