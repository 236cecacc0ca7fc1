// The page of a running device: asks for the status each second, and shows what
// has changed since. All text goes into the page as text.
"use strict";

const EVERY_MS = 1000;
const LOG_EVERY_MS = 2000;
/** Seconds that the charts show. */
const KEPT_SECONDS = 300;
/** Those that the program has itself have the same colour on each page. */
const COLOURS = ["openssl", "ipsec-mb", "noble", "libgcrypt", "qat", "pkcs11"];
const MOST_COLOURS = 8;
const REASONS_SHOWN = 3;

const byId = (id) => document.getElementById(id);
const sum = (values) => values.reduce((all, one) => all + one, 0);

const SIZES = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
/** 12345 -> "12.3k". */
function short(value) {
  const [size, letter] = SIZES.find(([size]) => value >= size) ?? [1, ""];
  const scaled = value / size;
  return `${
    scaled >= 100 || scaled % 1 === 0 ? Math.round(scaled) : scaled.toFixed(1)
  }${letter}`;
}
const bytes = (value) => `${short(value)}B`;

function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1e-3) return `${Math.round(value * 1e6)} µs`;
  return value < 1 ? `${(value * 1e3).toFixed(1)} ms` : `${value.toFixed(1)} s`;
}

const clock = (at) => new Date(1000 * at).toTimeString().slice(0, 8);

function duration(total) {
  const minutes = Math.floor(total / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

function colourNumber(backend) {
  const known = COLOURS.indexOf(backend);
  if (known >= 0) return known % MOST_COLOURS + 1;
  return COLOURS.push(backend) % MOST_COLOURS || MOST_COLOURS;
}
const styleOf = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colourOf = (backend) => styleOf(`--series-${colourNumber(backend)}`);

/** A row of a table, kept by its name: only texts that differ are written. */
class Rows {
  constructor(table) {
    this.body = table.tBodies[0];
    this.numbers = [...table.tHead.rows[0].cells]
      .map((cell) => cell.classList.contains("number"));
    this.rows = new Map();
  }

  show(name, texts) {
    let row = this.rows.get(name);
    if (!row) {
      row = this.body.insertRow();
      for (const isNumber of this.numbers) {
        const cell = row.insertCell();
        if (isNumber) cell.className = "number";
      }
      this.rows.set(name, row);
    }
    texts.forEach((text, i) => {
      const cell = row.cells[i];
      if (cell.lastChild?.nodeValue !== text) {
        cell.lastChild?.remove();
        cell.append(text);
      }
    });
    return row;
  }

  keep(names) {
    for (const [name, row] of this.rows) {
      if (names.has(name)) continue;
      row.remove();
      this.rows.delete(name);
    }
  }
}

/** A chart of lines over time, by name; it is made anew for new lines. */
class Lines {
  constructor(place, format, colour) {
    this.place = place;
    this.format = format;
    this.colour = colour;
    this.names = [];
    this.times = [];
    this.values = new Map();
  }

  add(at, values) {
    this.times.push(at);
    let isNew = false;
    for (const name of Object.keys(values)) {
      if (this.values.has(name)) continue;
      this.values.set(name, new Array(this.times.length - 1).fill(null));
      this.names.push(name);
      isNew = true;
    }
    for (const [name, line] of this.values) line.push(values[name] ?? null);
    while (this.times[0] < at - KEPT_SECONDS) {
      this.times.shift();
      for (const line of this.values.values()) line.shift();
    }
    if (isNew || !this.plot) this.make();
    else this.plot.setData(this.data);
  }

  get data() {
    return [this.times, ...this.names.map((name) => this.values.get(name))];
  }

  make() {
    this.plot?.destroy();
    const axis = {
      stroke: styleOf("--quiet"),
      grid: { stroke: styleOf("--line"), width: 1 },
      ticks: { stroke: styleOf("--line"), width: 1 },
    };
    const format = (value) => value === null ? "–" : this.format(value);
    this.plot = new uPlot(
      {
        width: this.place.clientWidth,
        height: 200,
        cursor: { sync: { key: "time" } },
        scales: {
          y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] },
        },
        axes: [{
          ...axis,
          space: 70,
          values: (_plot, ticks) => ticks.map(clock),
        }, {
          ...axis,
          size: 74,
          values: (_plot, ticks) => ticks.map(format),
        }],
        series: [
          { label: "at", value: (_plot, at) => at === null ? "–" : clock(at) },
          ...this.names.map((name, i) => ({
            label: name,
            stroke: this.colour(name, i),
            width: 2,
            points: { show: false },
            spanGaps: true,
            value: (_plot, value) => format(value ?? null),
          })),
        ],
      },
      this.data,
      this.place,
    );
  }

  resize() {
    this.plot?.setSize({ width: this.place.clientWidth, height: 200 });
  }
}

const requests = new Lines(byId("requests"), short, colourOf);
const traffic = new Lines(byId("bytes"), bytes, colourOf);
const latency = new Lines(
  byId("latency"),
  seconds,
  (_name, i) => styleOf(["--text", "--quiet"][i]),
);
const CHARTS = [requests, traffic, latency];
const guests = new Rows(byId("guests"));
const backends = new Rows(byId("backends"));
const threads = new Rows(byId("threads"));

/** Requests, bytes and failures of each backend over all guests. */
function workByBackend(status) {
  const found = new Map();
  for (const guest of status.guests) {
    for (const { name } of guest.backends) {
      if (!found.has(name)) {
        found.set(name, { requests: 0, bytes: 0, kinds: new Map() });
      }
    }
    for (const { backend, service, algorithm, requests, bytes } of guest.work) {
      const work = found.get(backend);
      work.requests += requests;
      work.bytes += bytes;
      const kind = `${service}.${algorithm}`;
      work.kinds.set(kind, (work.kinds.get(kind) ?? 0) + requests);
    }
  }
  return found;
}

/** Requests by bucket, over all guests and services. */
function bucketsOf({ guests, latencyBounds }) {
  const buckets = new Array(latencyBounds.length + 1).fill(0);
  for (const { latency } of guests) {
    for (const one of latency) one.buckets.forEach((n, i) => buckets[i] += n);
  }
  return buckets;
}

/** Below what a part of the requests were; null where there were none. */
function quantile(buckets, bounds, part) {
  const wanted = sum(buckets) * part;
  if (wanted === 0) return null;
  let below = 0;
  for (let i = 0; i < buckets.length; i++) {
    if (below + buckets[i] < wanted) {
      below += buckets[i];
      continue;
    }
    const from = i === 0 ? 0 : bounds[i - 1];
    const to = bounds[i] ?? from;
    return from + (to - from) * (wanted - below) / buckets[i];
  }
  return null;
}

const total = (guest, field) => sum(guest.queues.map((queue) => queue[field]));
const failuresOf = (guest) =>
  sum(guest.queues.flatMap(({ failures }) => Object.values(failures)));

function showState(status) {
  const state = byId("state");
  const unready = status.guests.filter(({ isReady }) => !isReady);
  state.className = `state ${unready.length === 0 ? "good" : "bad"}`;
  state.textContent = unready.length === 0
    ? "ready"
    : `no backend works for ${unready.length} guests`;
  byId("process").textContent =
    `up ${duration(status.at - status.startedAt)}, ` +
    `${bytes(status.residentBytes)} resident, log level ${status.logLevel}` +
    (status.lostLines > 0 ? `, ${status.lostLines} lines of the log lost` : "");
}

function showFigures(figures) {
  const place = byId("figures");
  figures.forEach(([name, text], i) => {
    const figure = place.children[i] ??
      place.appendChild(document.createElement("div"));
    if (figure.children.length === 0) {
      figure.append(
        document.createElement("b"),
        document.createElement("span"),
      );
      figure.children[1].textContent = name;
    }
    figure.children[0].textContent = text;
  });
}

function showBackends(status, work, rates) {
  const names = new Set(work.keys());
  for (const name of names) {
    const all = status.guests.flatMap(({ backends }) =>
      backends.filter((backend) => backend.name === name)
    );
    const failed = all.find(({ failure }) => failure !== undefined);
    const state = failed
      ? `down: ${failed.failure}`
      : all[0].isDrained
      ? "drained"
      : "works";
    const why = new Map();
    for (const { placements } of status.guests) {
      for (const { backend, reason, sessions } of placements) {
        if (backend === name) {
          why.set(reason, (why.get(reason) ?? 0) + sessions);
        }
      }
    }
    const reasons = [...why].sort(([, a], [, b]) => b - a).slice(
      0,
      REASONS_SHOWN,
    )
      .map(([reason, sessions]) => `${reason} (${short(sessions)})`);
    const kinds = [...work.get(name).kinds].sort(([, a], [, b]) => b - a)
      .slice(0, REASONS_SHOWN).map(([kind]) => kind);
    const { requests, bytes: perSecond } = rates[name] ??
      { requests: 0, bytes: 0 };
    const row = backends.show(name, [
      ...[name, state, short(requests), bytes(perSecond)],
      ...[kinds.join(", "), reasons.join("; ")],
    ]);
    row.title = all[0].version;
    row.cells[1].className = failed ? "bad" : "";
    if (!row.cells[0].querySelector(".swatch")) {
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      row.cells[0].prepend(swatch);
    }
    row.cells[0].firstChild.style.background = colourOf(name);
  }
  backends.keep(names);
}

function showGuests(status, before, elapsed) {
  const wanted = byId("filter").value;
  const earlier = new Map(before?.guests.map((guest) => [guest.name, guest]));
  for (const guest of status.guests) {
    const last = earlier.get(guest.name) ?? guest;
    const rate = (field) =>
      Math.max(0, total(guest, field) - total(last, field)) / elapsed;
    const state = guest.isReady
      ? guest.isConnected
        ? "connected"
        : guest.connections > 0
        ? "gone"
        : "awaited"
      : "no backend works";
    const row = guests.show(guest.name, [
      ...[guest.name, state, short(rate("requests")), bytes(rate("bytes"))],
      ...[`${total(guest, "inFlight")}`, short(failuresOf(guest))],
      ...[
        short(total(guest, "movedOn")),
        seconds(total(guest, "waitedSeconds")),
      ],
      ...[`${guest.sessions.open}`, bytes(guest.memoryBytes)],
      `${guest.queues.length}`,
    ]);
    row.cells[1].className = guest.isReady ? "" : "bad";
    row.hidden = !guest.name.includes(wanted);
  }
  guests.keep(new Set(status.guests.map(({ name }) => name)));
}

function showThreads(status, before, elapsed) {
  const earlier = new Map(
    before?.threads.map((thread) => [thread.number, thread]),
  );
  for (const thread of status.threads) {
    const last = earlier.get(thread.number) ?? thread;
    const rate = (field) => Math.max(0, thread[field] - last[field]) / elapsed;
    const asleep = Math.min(100, Math.round(100 * rate("sleptSeconds")));
    threads.show(thread.number, [
      ...[`${thread.number}`, `${thread.rings}`, `${asleep} %`],
      ...[
        short(rate("sleeps")),
        short(rate("spins")),
        short(rate("spinsInVain")),
      ],
    ]);
  }
  threads.keep(new Set(status.threads.map(({ number }) => number)));
}

let before;

function show(status) {
  // The same status comes to whoever asks too soon.
  if (status.at === before?.at) return;
  const elapsed = before ? status.at - before.at : Infinity;
  const work = workByBackend(status);
  const last = before ? workByBackend(before) : work;
  const rates = {};
  for (const [name, { requests, bytes }] of work) {
    const earlier = last.get(name) ?? { requests: 0, bytes: 0 };
    rates[name] = {
      requests: Math.max(0, requests - earlier.requests) / elapsed,
      bytes: Math.max(0, bytes - earlier.bytes) / elapsed,
    };
  }
  const buckets = bucketsOf(status);
  const lastBuckets = bucketsOf(before ?? status);
  const recent = buckets.map((n, i) => Math.max(0, n - lastBuckets[i]));
  const at = (part) => quantile(recent, status.latencyBounds, part);
  const [half, most] = [at(0.5), at(0.99)];
  if (before) {
    const used = Object.entries(rates).filter(([name]) =>
      work.get(name).requests > 0
    );
    const of = (field) =>
      Object.fromEntries(used.map(([name, rate]) => [name, rate[field]]));
    requests.add(status.at, of("requests"));
    traffic.add(status.at, of("bytes"));
    latency.add(status.at, { "half below": half, "99 % below": most });
  }
  showState(status);
  const connected =
    status.guests.filter(({ isConnected }) => isConnected).length;
  showFigures([
    [
      "requests/s",
      short(sum(Object.values(rates).map(({ requests }) => requests))),
    ],
    ["bytes/s", bytes(sum(Object.values(rates).map(({ bytes }) => bytes)))],
    ["half of requests below", seconds(half)],
    ["guests connected", `${connected} of ${status.guests.length}`],
    [
      "sessions open",
      short(sum(status.guests.map(({ sessions }) => sessions.open))),
    ],
    ["not answered with OK", short(sum(status.guests.map(failuresOf)))],
  ]);
  showBackends(status, work, rates);
  showGuests(status, before, elapsed);
  showThreads(status, before, elapsed);
  before = status;
}

let token = "";

/** Asks with the token, where there is one. */
function ask(path) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  return fetch(path, { headers });
}

async function look() {
  const state = byId("state");
  try {
    const answer = await ask("status.json");
    if (answer.ok) return show(await answer.json());
    state.textContent = answer.status === 401
      ? "needs the token (below)"
      : await answer.text();
  } catch {
    state.textContent = "no answer";
  }
  state.className = "state bad";
}

async function showLog() {
  if (!token) return;
  try {
    const answer = await ask("log.json");
    byId("token-answer").textContent = answer.ok ? "" : await answer.text();
    if (!answer.ok) return;
    byId("log").textContent = (await answer.json())
      .map(({ time, level, line }) => `${time} ${level}: ${line}`).join("\n");
  } catch {
    // The state tells of it.
  }
}

async function repeat(task, everyMs) {
  for (;;) {
    if (!document.hidden) await task();
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value;
  showLog();
});
byId("filter").addEventListener("input", () => {
  for (const [name, row] of guests.rows) {
    row.hidden = !name.includes(byId("filter").value);
  }
});
addEventListener("resize", () => CHARTS.forEach((chart) => chart.resize()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const chart of CHARTS) if (chart.plot) chart.make();
});
repeat(look, EVERY_MS);
repeat(showLog, LOG_EVERY_MS);
