"use strict";
// Texts go in by textContent alone: what a session wrote stays text.
const data = JSON.parse(document.getElementById("data").textContent);
const one = (id) => document.getElementById(id);
const put = (parent, tag, text, kind) => {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  parent.appendChild(made);
  return made;
};
const tokens = (n) => n >= 1e6 ? (n / 1e6).toFixed(1) + "M" : n >= 1e3 ? (n / 1e3).toFixed(1) + "k" : String(n);
const clock = (t) => new Date(t * 1000).toISOString().replace("T", " ").slice(0, 19) + "Z";
const slider = one("at");
one("title").textContent = data.title;
document.title = data.title;
slider.max = String(Math.max(0, data.frames.length - 1));

function curve(chosen) {
  const canvas = one("curve"), pen = canvas.getContext("2d");
  canvas.width = canvas.clientWidth || 800;
  const most = Math.max(1e-9, ...data.frames.map((frame) => frame.rate));
  const step = canvas.width / Math.max(1, data.frames.length);
  data.frames.forEach((frame, index) => {
    const height = Math.round(frame.rate / most * 60);
    pen.fillStyle = frame.red ? "#f7768e" : frame.amber ? "#e0af68" : "#3d59a1";
    pen.fillRect(index * step, 70 - height, Math.max(1, step - 1), height + 2);
  });
  pen.fillStyle = "#e6edf3";
  pen.fillRect(chosen * step, 0, 2, 72);
}

function show() {
  const index = Number(slider.value), frame = data.frames[index];
  if (!frame) { one("when").textContent = "nothing is recorded here"; return; }
  one("when").textContent = clock(frame.t);
  one("sum").textContent = frame.sum;
  const rows = one("rows");
  rows.replaceChildren();
  for (const [session, status, severity, count, cost, evidence] of frame.rows) {
    const about = data.sessions[session], row = document.createElement("tr");
    row.className = ["red", "amber"].includes(severity) ? severity : status === "fog" ? "fog" : "ok";
    put(row, "td", status); put(row, "td", about.name); put(row, "td", about.project); put(row, "td", about.model);
    put(row, "td", tokens(count), "n"); put(row, "td", cost, "n"); put(row, "td", evidence);
    rows.appendChild(row);
  }
  const told = one("told");
  told.replaceChildren();
  const past = data.told.filter((entry) => entry.t <= frame.t);
  for (const entry of past.slice(-200)) {
    const item = document.createElement("li");
    put(item, "span", clock(entry.t).slice(11, 19), "dim"); put(item, "span", entry.kind, "dim"); put(item, "span", entry.text);
    told.appendChild(item);
  }
  curve(index);
}

let timer = null;
one("play").addEventListener("click", () => {
  if (timer !== null) { clearInterval(timer); timer = null; one("play").textContent = "play"; return; }
  if (Number(slider.value) >= Number(slider.max)) slider.value = "0";
  one("play").textContent = "stop";
  timer = setInterval(() => {
    slider.value = String(Number(slider.value) + 1);
    show();
    if (Number(slider.value) >= Number(slider.max)) one("play").click();
  }, 100);
});
slider.addEventListener("input", show);
show();
