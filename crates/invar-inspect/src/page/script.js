"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const bytes = (size) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (size >= 1024 && unit < units.length - 1) { size /= 1024; unit += 1; }
    return (unit ? size.toFixed(size < 10 ? 2 : 1) : size) + " " + units[unit];
  };

  document.title = data.title;
  at("title").textContent = data.title;
  for (const sentence of data.summary) at("summary").append(make("p", "", sentence));

  // Rows of boxes that are as square as can be: Bruls, Huizing, van Wijk, "Squarified Treemaps".
  const squarify = (tiles, x, y, width, height) => {
    const boxes = [];
    let total = tiles.reduce((sum, tile) => sum + tile.size, 0);
    let start = 0;
    while (start < tiles.length && total > 0 && width > 0 && height > 0) {
      const wide = width >= height;
      const side = wide ? height : width;
      const scale = (width * height) / total;
      const worst = (sum, largest, smallest) => {
        const area = sum * scale;
        return Math.max((side * side * largest * scale) / (area * area), (area * area) / (side * side * smallest * scale));
      };
      let end = start + 1;
      let sum = tiles[start].size;
      let ratio = worst(sum, tiles[start].size, tiles[start].size);
      while (end < tiles.length) {
        const next = worst(sum + tiles[end].size, tiles[start].size, tiles[end].size);
        if (next > ratio) break;
        ratio = next;
        sum += tiles[end].size;
        end += 1;
      }
      const thick = (sum * scale) / side;
      let along = 0;
      for (let index = start; index < end; index += 1) {
        const length = (tiles[index].size / sum) * side;
        boxes.push(wide
          ? { tile: tiles[index], x, y: y + along, width: thick, height: length }
          : { tile: tiles[index], x: x + along, y, width: length, height: thick });
        along += length;
      }
      if (wide) { x += thick; width -= thick; } else { y += thick; height -= thick; }
      total -= sum;
      start = end;
    }
    return boxes;
  };

  // The text, or as much of it as fits before an ellipsis; nothing where too little would be left to recognize it.
  const ruler = document.createElement("canvas").getContext("2d");
  const fitted = (text, width, whole = false) => {
    if (!ruler) return "";
    ruler.font = "12px system-ui, sans-serif";
    const fits = (part) => ruler.measureText(part).width <= width;
    if (fits(text)) return text;
    if (whole) return "";
    // A package without its version.
    const [word] = text.split(" ", 1);
    if (fits(word)) return word;
    const letters = [...word];
    let [least, most] = [0, letters.length];
    while (least < most) {
      const middle = Math.ceil((least + most) / 2);
      if (fits(letters.slice(0, middle).join("") + "…")) least = middle; else most = middle - 1;
    }
    return least < 4 ? "" : letters.slice(0, least).join("") + "…";
  };

  const groups = { "Debian packages": "debian", "Python packages": "python" };
  const drawMap = () => {
    const map = at("map");
    map.replaceChildren();
    const tiles = [...data.map].sort((one, two) => two.size - one.size);
    const shown = tiles.slice(0, 400);
    const rest = tiles.slice(400).reduce((sum, tile) => sum + tile.size, 0);
    if (rest) shown.push({ group: "other", name: (tiles.length - 400) + " more", size: rest, files: 0, state: "" });
    shown.sort((one, two) => two.size - one.size);
    for (const box of squarify(shown, 0, 0, map.clientWidth, map.clientHeight)) {
      const { tile } = box;
      const button = make("button", (groups[tile.group] || "other") + (tile.state ? " changed" : ""));
      button.type = "button";
      const label = tile.name + ", " + bytes(tile.size) + (tile.state ? ", changed" : "");
      button.setAttribute("aria-label", label);
      button.title = label;
      for (const side of ["x", "y", "width", "height"]) {
        button.style[{ x: "left", y: "top" }[side] || side] = box[side] + "px";
      }
      // The border and padding of a box, and the height of a line in it.
      const room = { width: box.width - 10, lines: Math.floor((box.height - 6) / 15) };
      const name = tile.name.replace(/^(Debian package|Python package|wheel) /, "");
      const labels = [fitted(name, room.width), fitted(bytes(tile.size), room.width, true)];
      if (labels[0]) for (const text of labels.slice(0, room.lines)) if (text) button.append(make("div", "", text));
      button.addEventListener("click", () => search(tile.name));
      map.append(button);
    }
  };
  if (data.map.length) {
    at("map-section").hidden = false;
    const legend = at("legend");
    const names = [...new Set(data.map.map((tile) => tile.group))].sort();
    const entry = (kind, name) => {
      const element = make("span", "entry");
      element.append(make("span", "key " + kind), name);
      legend.append(element);
    };
    for (const name of names) entry(groups[name] || "other", name);
    if (data.map.some((tile) => tile.state)) entry("changed", "changed");
    drawMap();
    let waiting = 0;
    window.addEventListener("resize", () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(drawMap);
    });
  }

  const detail = (lines) => {
    const element = make("details");
    element.append(make("summary", "", lines.length === 1 ? "1 line" : lines.length + " lines"));
    element.addEventListener("toggle", () => {
      if (element.querySelector("pre")) return;
      const pre = make("pre");
      for (const line of lines) {
        const kind = line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "";
        pre.append(make("span", kind, line + "\n"));
      }
      element.append(pre);
    });
    return element;
  };
  const row = (item) => {
    const line = make("li", item.state);
    line.append(make("span", "state", item.state), make("span", "name", item.name));
    line.append(make("span", "size", item.size === null ? "" : bytes(item.size)));
    const more = [item.group, item.text].filter(Boolean).join(" · ");
    if (more) line.append(make("span", "more", more));
    if (item.detail.length) line.append(detail(item.detail));
    return line;
  };

  const STEP = 200;
  const text = (item) => [item.name, item.group, item.text, item.state, ...item.detail].join("\n").toLowerCase();
  const draw = (wanted) => {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    const whole = wanted.trim().toLowerCase();
    const lists = at("lists");
    lists.replaceChildren();
    let total = 0;
    for (const list of data.lists) {
      const items = list.items.filter((item) => {
        item.lower ??= text(item);
        return item.lower.includes(whole) || words.every((word) => item.lower.includes(word));
      });
      total += items.length;
      if (!items.length) continue;
      const section = make("section");
      section.append(make("h2", "", list.title + " (" + items.length + ")"));
      const rows = make("ul", items.some((item) => item.state) ? "" : "plain");
      section.append(rows);
      let shown = 0;
      const button = make("button", "", "Show more");
      button.type = "button";
      const add = () => {
        rows.append(...items.slice(shown, shown + STEP).map(row));
        shown += STEP;
        button.hidden = shown >= items.length;
      };
      button.addEventListener("click", add);
      add();
      section.append(button);
      lists.append(section);
    }
    at("found").textContent = words.length ? total + " found" : "";
  };
  const search = (wanted) => {
    at("search").value = wanted;
    draw(wanted);
  };
  at("search").addEventListener("input", (event) => draw(event.target.value));
  at("clear").addEventListener("click", () => { search(""); at("search").focus(); });
  // A link may say what to look for: page.html#search=words.
  const start = new URLSearchParams(location.hash.slice(1)).get("search") || "";
  search(start);
})();
