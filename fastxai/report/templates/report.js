"use strict";
(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const byId = (id) => document.getElementById(id);
  const perPage = 60; // cards
  let shown = null; // the entry in view
  let first = 0; // place of the first card that is shown among those that pass the filters
  let panels = []; // its maps, decoded, with their canvases

  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const floatsOf = (text) => { // little-endian, on machines of either kind
    const view = new DataView(bytesOf(text).buffer);
    return Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
  };
  const colours = Object.fromEntries(
    Object.entries(content.colours).map(([name, text]) => [name, bytesOf(text)]));

  const made = (tag, text, properties = {}) =>
    Object.assign(document.createElement(tag), text === null ? {} : { textContent: text }, properties);
  const titleOf = (map) =>
    map.className === null ? String(map.target) : `${map.target} (${map.className})`;
  const shortened = (number) => (number === null ? "unknown" : number.toFixed(4));
  // As many digits as tell a float32 from its neighbours.
  const exact = (number) => String(Number(number.toPrecision(9)));

  // The value at a percentile, between the two nearest, as NumPy has it.
  const percentile = (sorted, percent) => {
    const place = (percent / 100) * (sorted.length - 1);
    const low = Math.floor(place), high = Math.ceil(place);
    return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
  };

  const paint = (panel) => {
    const { map, values, sorted, canvas } = panel;
    const table = colours[byId("colours").value];
    const low = sorted[0];
    const span = percentile(sorted, Number(byId("clip").value)) - low;
    const pixels = new ImageData(map.width, map.height);
    values.forEach((value, i) => {
      const share = span > 0 ? Math.min(1, Math.max(0, (value - low) / span)) : 0;
      const colour = 3 * Math.round(255 * share);
      pixels.data.set([table[colour], table[colour + 1], table[colour + 2], 255], 4 * i);
    });
    canvas.getContext("2d").putImageData(pixels, 0, 0);
  };

  const setOpacity = () => {
    const percent = byId("opacity").value;
    byId("opacity-value").textContent = `${percent} %`;
    panels.forEach((panel) => { panel.canvas.style.opacity = percent / 100; });
  };
  const resize = () => {
    const times = Number(byId("size").value);
    panels.forEach((panel) => { panel.picture.style.width = `${times * shown.width}px`; });
  };
  const repaint = () => {
    byId("clip-value").textContent = byId("clip").value;
    panels.forEach(paint);
  };

  const tell = (panel, row, column) => {
    Object.assign(panel, { row, column });
    const place = row * panel.map.width + column;
    const error = panel.errors === null ? "" : `, standard error ${exact(panel.errors[place])}`;
    panel.line.textContent = `row ${row}, column ${column}: ${exact(panel.values[place])}${error}`;
  };
  const within = (number, size) => Math.min(size - 1, Math.max(0, number));
  const follow = (panel) => {
    const { map, canvas } = panel;
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      tell(panel, within(Math.floor(((event.clientY - box.top) / box.height) * map.height), map.height),
        within(Math.floor(((event.clientX - box.left) / box.width) * map.width), map.width));
    });
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    canvas.addEventListener("keydown", (event) => {
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      tell(panel, within(panel.row + step[0], map.height), within(panel.column + step[1], map.width));
    });
  };

  const save = (name, parts, type) => {
    const link = made("a", "", { href: URL.createObjectURL(new Blob(parts, { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };
  const npyHeader = (shape) => { // format 1.0: the data starts at a multiple of 64 bytes
    const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
    const length = 64 * Math.ceil((10 + text.length + 1) / 64) - 10;
    const start = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length % 256, length >> 8];
    const padded = `${text.padEnd(length - 1)}\n`;
    return Uint8Array.from([...start, ...Array.from(padded, (letter) => letter.charCodeAt(0))]);
  };
  const button = (text, label, act) => {
    const found = made("button", text, { type: "button", onclick: act });
    found.setAttribute("aria-label", label);
    return found;
  };

  const blank = (entry) => // of the size of the map, which stands alone where the photograph is not there
    made("canvas", null, { width: entry.width, height: entry.height }).toDataURL();

  // Scores over the share of pixels, drawn at 100 by 60 units; a table has the same for readers of it.
  const vectors = made("div", null, { innerHTML: "<svg></svg>" }).firstChild.namespaceURI;
  const drawn = (tag, attributes, text) => {
    const found = document.createElementNS(vectors, tag);
    Object.entries(attributes).forEach(([name, value]) => found.setAttribute(name, value));
    if (text !== undefined) found.textContent = text;
    return found;
  };
  const areaOf = (scores) => // by trapezoids, of shares from 0 to 1
    scores.slice(1).reduce((sum, score, i) => sum + (score + scores[i]) / 2, 0) / (scores.length - 1);
  const chartOf = (curves, title) => {
    const all = Object.values(curves).flat();
    const low = Math.min(0, ...all), high = Math.max(1, ...all);
    const x = (i, n) => 14 + (82 * i) / (n - 1);
    const y = (score) => 50 - (46 * (score - low)) / (high - low);
    const areas = Object.entries(curves).map(([name, scores]) => `${name} ${areaOf(scores).toFixed(3)}`);
    const chart = drawn("svg", {
      class: "curves", viewBox: "0 0 100 62", role: "img",
      "aria-label": `Curves of ${title}; areas: ${areas.join(", ")}; the table below has the values`,
    });
    chart.append(
      drawn("path", { class: "axes", d: "M14 4V50H96" }),
      drawn("text", { x: 12, y: 6, "text-anchor": "end" }, String(Number(high.toPrecision(2)))),
      drawn("text", { x: 12, y: 51, "text-anchor": "end" }, String(Number(low.toPrecision(2)))),
      drawn("text", { x: 14, y: 56, "text-anchor": "middle" }, "0 %"),
      drawn("text", { x: 96, y: 56, "text-anchor": "end" }, "100 %"),
      drawn("text", { x: 55, y: 61, "text-anchor": "middle" }, "most salient pixels"),
      ...Object.entries(curves).map(([name, scores]) => drawn("polyline", {
        class: name, points: scores.map((score, i) => `${x(i, scores.length)},${y(score)}`).join(" "),
      })));
    const key = made("ul", null, { className: "key" });
    key.append(...Object.keys(curves).map((name, i) => {
      const item = made("li", null);
      const line = drawn("svg", { viewBox: "0 0 16 4", "aria-hidden": "true" });
      line.append(drawn("path", { class: name, d: "M0 2H16" }));
      item.append(line, `area of ${areas[i]}`);
      return item;
    }));
    return [chart, key, tableOf(curves, title)];
  };
  const tableOf = (curves, title) => {
    const table = made("table", null);
    const head = made("tr", null);
    head.append(...["pixels", ...Object.keys(curves)].map((name) => made("th", name, { scope: "col" })));
    const steps = Object.values(curves)[0].length;
    const rows = Array.from({ length: steps }, (_, i) => {
      const row = made("tr", null);
      row.append(made("th", `${Number(((100 * i) / (steps - 1)).toFixed(1))} %`, { scope: "row" }),
        ...Object.values(curves).map((scores) => made("td", scores[i].toFixed(4))));
      return row;
    });
    table.append(made("caption", `Scores of ${title} with the most salient pixels covered or shown`), head, ...rows);
    const details = made("details", null, { className: "scores" });
    details.append(made("summary", "Values of the curves"), table);
    return details;
  };

  const panelOf = (entry, map) => {
    const figure = made("figure", null, { className: "panel" });
    const stage = made("div", null, { className: "stage" });
    const title = `${map.explainer}, class ${titleOf(map)}`;
    const canvas = made("canvas", null, { width: map.width, height: map.height, tabIndex: 0 });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Map of ${title}; arrow keys read its values`);
    const [left, upper, right, lower] = entry.box;
    const percent = (share) => `${100 * share}%`;
    Object.assign(canvas.style, {
      left: percent(left), top: percent(upper),
      width: percent(right - left), height: percent(lower - upper),
    });
    const picture = made("img", null, { width: entry.width, height: entry.height });
    picture.src = entry.photograph ?? blank(entry);
    picture.alt = entry.photograph === null ? "" : `Photograph ${entry.name}`;
    stage.append(picture, canvas);
    const line = made("p", "", { className: "value" });
    line.setAttribute("aria-live", "polite");
    const facts = `probability or score ${shortened(map.probability)}` +
      (map.correlation === null ? "" : `, predicted correlation ${shortened(map.correlation)}`);
    const downloads = made("div", null, { className: "downloads" });
    const file = `${map.explainer}_${map.target}`;
    downloads.append(
      button("Map (.npy)", `Download the map of ${title}`, () =>
        save(`${file}.npy`, [npyHeader([map.height, map.width]), bytesOf(map.values)], "application/octet-stream")),
      button("Settings (.json)", `Download the settings of ${title}`, () =>
        save(`${file}.json`, [`${JSON.stringify(map.settings, null, 2)}\n`], "application/json")));
    figure.append(made("h3", title), stage, line, made("p", facts), downloads);
    if (Object.keys(map.curves).length) figure.append(...chartOf(map.curves, title));
    const values = floatsOf(map.values);
    const panel = {
      map, canvas, picture, line, figure, values, sorted: values.slice().sort(), row: 0, column: 0,
      errors: map.standardError === null ? null : floatsOf(map.standardError),
    };
    follow(panel);
    return panel;
  };

  const draw = (entry, details) => {
    panels = entry.maps.map((map, place) => panelOf(
      { ...entry, photograph: details.photograph }, { ...map, ...details.maps[place] }));
    byId("panels").replaceChildren(...panels.map((panel) => panel.figure));
    repaint();
    resize();
    setOpacity();
  };
  const embedded = document.querySelectorAll("script.details");
  // A file beside the page calls this; where pictures follow each other fast, the last one counts.
  window.fastxaiReport = (place, details) => {
    if (content.entries[place] === shown) draw(shown, details);
  };
  const load = (entry) => {
    const place = content.entries.indexOf(entry);
    if (!entry.file) {
      draw(entry, JSON.parse(embedded[place].textContent));
      return;
    }
    panels = [];
    byId("panels").replaceChildren(made("p", "The maps are being loaded."));
    const script = made("script", null, { src: entry.file });
    script.addEventListener("load", () => script.remove());
    script.addEventListener("error", () => {
      script.remove();
      byId("panels").replaceChildren(made("p", `${entry.file} cannot be read: keep it beside this page.`));
    });
    document.body.append(script);
  };

  const show = (entry) => {
    shown = entry;
    byId("name").textContent = entry.name;
    byId("facts").textContent = [
      `${entry.width} by ${entry.height} pixels`,
      entry.predicted === null ? "" : `predicted ${entry.predicted}`,
      entry.label === null ? "" : `label ${entry.label}`,
      entry.error,
    ].filter(Boolean).join("; ");
    load(entry);
  };

  const best = (entry, fact) =>
    Math.max(-Infinity, ...entry.maps.map((map) => map[fact]).filter((value) => value !== null));
  const classOf = (entry) => (entry.maps.length ? titleOf(entry.maps[0]) : "");
  const keys = {
    name: (entry) => entry.name,
    class: (entry) => (entry.maps.length ? entry.maps[0].target : -1),
    probability: (entry) => best(entry, "probability"),
    correlation: (entry) => best(entry, "correlation"),
  };
  const kinds = {
    all: () => true,
    right: (entry) => entry.label !== null && entry.label === entry.predicted,
    wrong: (entry) => entry.label !== null && entry.predicted !== null && entry.label !== entry.predicted,
    error: (entry) => entry.error !== "",
  };
  const passes = (entry) => {
    const words = byId("words").value.toLowerCase();
    const text = [entry.name, ...entry.maps.map(titleOf)].join("\n").toLowerCase();
    return text.includes(words) && kinds[byId("kind").value](entry) &&
      ["probability", "correlation"].every((fact) =>
        byId(fact).value === "" || best(entry, fact) >= Number(byId(fact).value));
  };
  const ordered = (entries) => {
    const key = keys[byId("order").value];
    const sign = byId("falling").checked ? -1 : 1;
    if (key === undefined) return sign < 0 ? entries.reverse() : entries;
    return entries.sort((a, b) => (key(a) < key(b) ? -sign : key(a) > key(b) ? sign : 0));
  };
  const card = (entry) => {
    const item = made("li", null);
    const open = made("button", null, { type: "button", onclick: () => {
      show(entry);
      document.querySelectorAll("#cards button").forEach((each) =>
        each.setAttribute("aria-current", String(each === open)));
      byId("name").focus();
    } });
    open.setAttribute("aria-current", String(entry === shown));
    if (entry.thumbnail !== null) open.append(made("img", null, { src: entry.thumbnail, alt: "" }));
    open.append(made("span", entry.name),
      made("br", null), made("small", entry.error || classOf(entry)));
    item.append(open);
    return item;
  };
  const list = () => {
    const found = ordered(content.entries.filter(passes));
    byId("count").textContent = `${found.length} of ${content.entries.length} pictures`;
    byId("cards").replaceChildren(...found.slice(first, first + perPage).map(card));
    byId("pages").hidden = found.length <= perPage;
    byId("page").textContent = `${first + 1} to ${Math.min(first + perPage, found.length)}`;
    byId("previous").disabled = first === 0;
    byId("next").disabled = first + perPage >= found.length;
  };
  const turn = (start) => {
    first = start;
    list();
  };

  document.querySelectorAll("form").forEach((form) =>
    form.addEventListener("submit", (event) => event.preventDefault()));
  byId("filters").addEventListener("input", () => turn(0));
  byId("previous").addEventListener("click", () => turn(first - perPage));
  byId("next").addEventListener("click", () => turn(first + perPage));
  byId("opacity").addEventListener("input", setOpacity);
  byId("size").addEventListener("input", resize);
  byId("clip").addEventListener("input", repaint);
  byId("colours").addEventListener("input", repaint);
  show(content.entries[0]);
  if (content.entries.length > 1) {
    byId("gallery").hidden = false;
    list();
  }
})();
