// Two conveniences; without them the page says the same. Columns are sorted by buttons in their heads, and the points of a plot are told
// apart by pointer, touch and arrow keys.
"use strict";

const number = (cell) => {
  const text = cell.dataset.value ?? cell.textContent;
  return text === "" ? NaN : Number(text);
};

const compare = (left, right) => {
  const [a, b] = [number(left), number(right)];
  if (!Number.isNaN(a - b)) return a - b;
  if (a === b) return 0;
  return left.textContent.localeCompare(right.textContent, "en", { numeric: true });
};

const sort = (table, head, column) => {
  const down = head.getAttribute("aria-sort") !== "descending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  rows.sort((x, y) => (down ? -1 : 1) * compare(x.cells[column], y.cells[column]));
  body.append(...rows);
};

document.querySelectorAll("table.sortable").forEach((table) => {
  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(table, head, column));
    head.replaceChildren(button);
  });
});

document.querySelectorAll(".plot.points").forEach((plot) => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  tip.hidden = true;
  plot.append(tip);
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  plot.setAttribute("aria-label", plot.dataset.label + " Arrow keys step through the points.");

  // A tooltip of the browser's beside ours would be one too many.
  const names = new Map();
  plot.querySelectorAll("svg").forEach((svg) => {
    svg.setAttribute("aria-label", svg.querySelector("title").textContent);
    svg.removeAttribute("aria-labelledby");
    svg.querySelector("title").remove();
    svg.querySelectorAll(".point").forEach((point) => {
      names.set(point, point.querySelector("title").textContent);
      point.querySelector("title").remove();
    });
  });

  let current = null;
  const hide = () => {
    current?.classList.remove("here");
    current = null;
    tip.hidden = true;
  };
  const show = (point) => {
    if (point === current) return;
    hide();
    current = point;
    point.classList.add("here");
    tip.textContent = names.get(point);
    tip.hidden = false;
    const [at, frame] = [point.getBoundingClientRect(), plot.getBoundingClientRect()];
    const left = at.left + at.width / 2 - frame.left - tip.offsetWidth / 2;
    tip.style.left = Math.max(0, Math.min(left, frame.width - tip.offsetWidth)) + "px";
    const above = at.top - frame.top - tip.offsetHeight - 8;
    tip.style.top = (above > 0 ? above : at.bottom - frame.top + 8) + "px";
  };
  const seen = () => Array.from(names.keys()).filter((point) => point.getClientRects().length > 0);
  const follow = (event) => {
    const away = (point) => {
      const box = point.getBoundingClientRect();
      return Math.hypot(box.left + box.width / 2 - event.clientX, box.top + box.height / 2 - event.clientY);
    };
    const nearest = seen().reduce((best, point) => (best === null || away(best) > away(point) ? point : best), null);
    if (nearest === null || away(nearest) > 40) hide();
    else show(nearest);
  };
  plot.addEventListener("pointermove", follow);
  plot.addEventListener("pointerdown", follow);
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const points = seen();
    const at = points.indexOf(current);
    const next = { ArrowRight: at + 1, ArrowLeft: at === -1 ? points.length - 1 : at - 1, Home: 0, End: points.length - 1 }[event.key];
    if (event.key === "Escape") hide();
    if (next === undefined || points[next] === undefined) return;
    event.preventDefault();
    show(points[next]);
  });
});
