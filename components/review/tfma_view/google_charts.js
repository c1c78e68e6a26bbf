// A stand-in for Google Charts, which TFMA's components load from the network: the tables of data, the events and the
// wrapper that they call. What is drawn is in google_charts_table.js and google_charts_svg.js.
(() => {
  "use strict";

  const MISSING = "n/a"; // TFMA's text for a figure that is undefined, whose value it gives as 0

  const listeners = new WeakMap();
  const events = {
    addListener(target, name, listener) {
      if (!listeners.has(target)) listeners.set(target, []);
      listeners.get(target).push({ name, listener });
    },
    addOneTimeListener(target, name, listener) {
      const once = (detail) => {
        listeners.set(target, listeners.get(target).filter((entry) => entry.listener !== once));
        listener(detail);
      };
      events.addListener(target, name, once);
    },
    trigger(target, name, detail) {
      for (const entry of [...(listeners.get(target) ?? [])]) if (entry.name === name) entry.listener(detail);
    },
  };

  const isObject = (value) => value !== null && typeof value === "object";
  const cellOf = (cell) => (isObject(cell) ? { ...cell, v: cell.v ?? null } : { v: cell ?? null });
  const columnOf = (column) => (isObject(column) ? { label: "", ...column } : { label: String(column) });
  const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

  /** Orders cells: numbers, then texts; what is undefined comes last either way. */
  function compareCells(one, other, ascending = true) {
    const rank = ({ v, f }) => (f === MISSING || v === null || Number.isNaN(v) ? 2 : isNumber(v) ? 0 : 1);
    if (rank(one) !== rank(other)) {
      return rank(one) === 2 || rank(other) === 2 || ascending ? rank(one) - rank(other) : rank(other) - rank(one);
    }
    if (rank(one) === 2) return 0;
    const byText = () => String(one.v).localeCompare(String(other.v), "en", { numeric: true });
    const order = isNumber(one.v) ? one.v - other.v : byText();
    return ascending ? order : -order;
  }

  class DataTable {
    constructor({ cols = [], rows = [] } = {}) {
      this.columns = cols.map(columnOf);
      this.rows = [];
      this.addRows(rows.map((row) => row.c ?? row));
    }
    addRows(rows) {
      for (const row of rows) this.rows.push(row.map(cellOf));
    }
    getNumberOfRows() {
      return this.rows.length;
    }
    getNumberOfColumns() {
      return this.columns.length;
    }
    getColumnLabel(column) {
      return this.columns[column].label;
    }
    getColumnRole(column) {
      return this.columns[column].role ?? "";
    }
    getCell(row, column) {
      return this.rows[row][column] ?? { v: null };
    }
    getValue(row, column) {
      return this.getCell(row, column).v;
    }
    getFormattedValue(row, column) {
      const { v, f } = this.getCell(row, column);
      return f === undefined || f === null ? String(v ?? "") : String(f);
    }
    sort(order) {
      const keys = [order].flat().map((key) => (typeof key === "number" ? { column: key } : key));
      const compare = ({ column, desc }, one, other) => compareCells(cellOf(one[column]), cellOf(other[column]), !desc);
      this.rows.sort((one, other) => keys.map((key) => compare(key, one, other)).find((found) => found !== 0) ?? 0);
    }
  }

  class DataView {
    constructor(table) {
      this.table = table;
      this.setColumns([...Array(table.getNumberOfColumns()).keys()]);
    }
    setColumns(columns) {
      this.columns = columns.map((column) => (typeof column === "number" ? { sourceColumn: column } : column));
    }
    getNumberOfRows() {
      return this.table.getNumberOfRows();
    }
    getNumberOfColumns() {
      return this.columns.length;
    }
    getColumnLabel(column) {
      return this.columns[column].label ?? this.table.getColumnLabel(this.columns[column].sourceColumn);
    }
    getColumnRole(column) {
      return this.columns[column].role ?? this.table.getColumnRole(this.columns[column].sourceColumn);
    }
    getCell(row, column) {
      const { calc, sourceColumn } = this.columns[column];
      if (calc === "stringify") return { v: this.table.getFormattedValue(row, sourceColumn) };
      return this.table.getCell(row, sourceColumn);
    }
    getValue(row, column) {
      return this.getCell(row, column).v;
    }
    getFormattedValue(row, column) {
      return DataTable.prototype.getFormattedValue.call(this, row, column);
    }
  }

  /** What every chart has: a place, a selection and the event that it was drawn. */
  class Chart {
    constructor(container) {
      this.container = container;
      this.selection = [];
    }
    draw(data, options) {
      this.data = data;
      this.options = options ?? {};
      this.begin();
      this.render();
      events.trigger(this, "ready");
    }
    begin() {
      this.selection = [];
    }
    getSelection() {
      return this.selection;
    }
    setSelection(selection) {
      this.selection = selection ?? [];
      this.showSelection();
    }
    select(selection) {
      this.setSelection(selection);
      events.trigger(this, "select");
    }
  }

  class ChartWrapper {
    constructor({ container }) {
      this.container = container;
      this.chart = null;
    }
    setChartType(type) {
      this.type = type;
    }
    setDataTable(data) {
      this.data = data;
    }
    setOptions(options) {
      this.options = options;
    }
    getChart() {
      return this.chart;
    }
    draw() {
      const Kind = google.visualization[this.type];
      if (!Kind) throw new Error(`${this.type}: this page does not draw charts of this type`);
      if (!(this.chart instanceof Kind)) {
        this.chart = new Kind(this.container);
        for (const name of ["ready", "select"]) events.addListener(this.chart, name, () => events.trigger(this, name));
      }
      this.chart.draw(this.data, this.options);
    }
  }

  const arrayToDataTable = ([columns, ...rows]) => new DataTable({ cols: columns, rows });
  window.google = {
    charts: {
      load: () => Promise.resolve(),
    },
    visualization: { arrayToDataTable, events, Chart, ChartWrapper, DataTable, DataView, compareCells, isNumber },
  };
})();
