// What moves on a playlist's page: figures are drawn when they come into sight, tables are sorted and searched, and
// what a reader picks is drawn and kept in the address.
"use strict";

const dataOf = (id) => JSON.parse(document.getElementById(id).textContent);
const figures = dataOf("figures-data");
const runs = dataOf("runs-data");
const drawn = new Set();

// A drawing of a page has as its data what Python put there, or what a reader has picked.
function draw(element, datasets = {}) {
  const figure = figures[element.dataset.figure];
  drawn.add(element);
  return vegaEmbed(element, { ...figure, datasets: { ...figure.datasets, ...datasets } }, { actions: false, renderer: "svg" });
}

const drawOnce = (element) => drawn.has(element) || draw(element);
const visible = () => [...document.querySelectorAll(".figure:not([hidden])")];
const watcher = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => drawOnce(entry.target)),
  { rootMargin: "300px" },
);
visible().forEach((element) => watcher.observe(element));
window.addEventListener("beforeprint", () => visible().forEach(drawOnce));

async function show(name, datasets) {
  const element = document.querySelector(`[data-figure="${name}"]`);
  element.hidden = !Object.values(datasets).some((rows) => rows.length);
  if (!element.hidden) await draw(element, datasets);
}

const records = (table) =>
  table.rows.map((row, index) => ({ index, ...Object.fromEntries(table.columns.map((name, at) => [name, row[at]])) }));
const songs = records(runs.songs);
const artists = records(runs.artists);
const gaps = new Set(runs.gaps);
const shortened = (text) => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
const named = (song) => song.song_name ?? "(no title)";
const label = (song) => shortened(`${named(song)} · ${song.artist_names ?? ""}`);
const units = (number) => `${number.toLocaleString("en")} ${unit}${number === 1 ? "" : "s"}`;
const escaped = (text) => String(text ?? "").replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

// A line breaks where the song was not on the chart, and where editions are missing.
function points(song, name) {
  const rows = [];
  let stretch = 0;
  for (const [start, ...positions] of runs.songs.runs[song.index]) {
    positions.forEach((position, offset) => {
      const number = start + offset;
      if (offset === 0 || gaps.has(number)) stretch += 1;
      const date = runs.editions[number - 1];
      rows.push({ day: Date.parse(date), date, position, song: name, stretch: `${song.index} ${stretch}` });
    });
  }
  return rows;
}

function shareOf(artist) {
  let stretch = 0;
  let before = null;
  return runs.artists.shares[artist.index].map(([number, share]) => {
    const longest = { day: 1, week: 7, month: 31, year: 366 }[runs.period];
    if (before !== null && number - before > longest) stretch += 1;
    before = number;
    const day = number * 86400000;
    const date = new Date(day).toISOString().slice(0, 10);
    return { day, date, share, artist: shortened(artist.artist_name ?? "(no name)"), stretch: `${artist.index} ${stretch}` };
  });
}

function story(song) {
  const stays = runs.songs.runs[song.index].map(([start, ...positions]) => {
    const [from, to] = [runs.editions[start - 1], runs.editions[start + positions.length - 2]];
    return `${from === to ? from : `${from} to ${to}`}: ${units(positions.length)}, best place ${Math.min(...positions)}`;
  });
  const now = song.status_now === "on_chart" ? "on the newest chart" : `last seen on ${song.last_seen}`;
  return [
    `First seen on ${song.first_seen}, best place ${song.peak_position} on ${song.peak_date}, ${now}.`,
    `${units(song.editions_on_chart)} on the chart, ${units(song.editions_in_top_10)} among the first ten, ` +
      `${units(song.editions_in_top_1)} at number one; ${units(song.longest_streak)} in a row at most.`,
    `On the chart: ${stays.join("; ")}.` + (gaps.size ? ` Counted in stored ${unit}s; missing ones are passed over.` : ""),
  ];
}

const storyOfArtist = (artist) => [
  `${artist.songs} ${artist.songs === 1 ? "song" : "songs"} on this chart, best place ${artist.best_position}, ` +
    `${units(artist.number_ones)} at number one, rank ${artist.rank} of all time.`,
  `Songs: ${runs.artists.songs[artist.index].map((index) => named(songs[index])).join("; ")}.`,
];

const drawSongs = (picked) => {
  const names = picked.map(label);
  const distinct = names.map((name, at) => (names.indexOf(name) === at ? name : `${name} (${picked[at].song_key})`));
  return show("runs", { runs: picked.flatMap((song, at) => points(song, distinct[at])) });
};
const drawArtists = (picked) => {
  const theirs = [...new Set(picked.flatMap((artist) => runs.artists.songs[artist.index]))];
  return Promise.all([
    show("artist_runs", { runs: theirs.flatMap((index) => points(songs[index], label(songs[index]))) }),
    show("artist_shares", { shares: picked.flatMap(shareOf) }),
  ]);
};

const onSpotify = (kind, id, text) =>
  /^[0-9A-Za-z]{22}$/.test(id ?? "")
    ? `<a class="name" dir="auto" href="https://open.spotify.com/${kind}/${id}" rel="noreferrer">${escaped(text)}</a>`
    : `<span class="name" dir="auto">${escaped(text)}</span>`;
const shown = (render, plain) => (_, type, row) => (type === "display" ? render(row) : plain(row));
const column = (title, name, more = {}) => ({ title, data: name, render: (value) => escaped(value), ...more });
const number = { className: "figure-column", type: "num" };

const pickers = {
  songs: {
    all: songs,
    key: "song_key",
    name: named,
    story,
    draw: drawSongs,
    columns: [
      {
        title: "Song",
        data: null,
        render: shown(
          (song) => `${onSpotify("track", song.song_id, named(song))} <span class="quiet name" dir="auto">${escaped(song.artist_names)}</span>`,
          (song) => `${named(song)} ${song.artist_names ?? ""}`,
        ),
      },
      column("Peak", "peak_position", number),
      column(unit === "day" ? "Days" : "Weeks", "editions_on_chart", number),
      column("First seen", "first_seen", { className: "date" }),
      column("Last seen", "last_seen", { className: "date" }),
    ],
  },
  artists: {
    all: artists,
    key: "artist_key",
    name: (artist) => artist.artist_name ?? "(no name)",
    story: storyOfArtist,
    draw: drawArtists,
    columns: [
      {
        title: "Artist",
        data: null,
        render: shown(
          (artist) => onSpotify("artist", artist.artist_key, artist.artist_name ?? "(no name)"),
          (artist) => artist.artist_name ?? "",
        ),
      },
      column("Rank", "rank", number),
      column("Songs", "songs", number),
      column("Best place", "best_position", number),
      column("At number one", "number_ones", number),
      column("Share", "share", { ...number, render: (share, type) => (type === "display" ? `${(share * 100).toFixed(1)}%` : share) }),
    ],
  },
};
const picked = { songs: [], artists: [] };

function tell(kind) {
  const { key, name, story: lines } = pickers[kind];
  const cards = picked[kind].map((record) => {
    const card = document.createElement("article");
    const heading = document.createElement("h3");
    heading.dir = "auto";
    heading.className = "name";
    heading.textContent = name(record);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${shortened(name(record))}`);
    remove.addEventListener("click", () => {
      pick(kind, picked[kind].filter((other) => other[key] !== record[key]));
      document.querySelector(`#${kind} .dt-search input`).focus();
    });
    const paragraphs = lines(record).map((text) => Object.assign(document.createElement("p"), { textContent: text }));
    card.append(heading, ...paragraphs, remove);
    return card;
  });
  document.getElementById(`picked-${kind}`).replaceChildren(...cards);
}

function mark(kind) {
  const keys = new Set(picked[kind].map((record) => record[pickers[kind].key]));
  document.querySelectorAll(`#${kind}-table input`).forEach((box) => (box.checked = keys.has(box.dataset.key)));
}

function keepInAddress() {
  const parts = Object.entries(picked).filter(([, records]) => records.length);
  const address = parts.map(([of, records]) => `${of}=${records.map((record) => encodeURIComponent(record[pickers[of].key])).join(",")}`);
  history.replaceState(null, "", address.length ? `#${address.join("&")}` : location.pathname + location.search);
}

async function pick(kind, chosen) {
  picked[kind] = chosen;
  keepInAddress();
  tell(kind);
  mark(kind);
  await pickers[kind].draw(chosen);
}

async function pickFromAddress() {
  // A link within the page leads to its place, and the address keeps what is picked.
  if (!location.hash.includes("=")) {
    if (picked.songs.length || picked.artists.length) keepInAddress();
    return;
  }
  const asked = new URLSearchParams(location.hash.slice(1));
  const wanted = Object.keys(pickers).map((kind) => [kind, new Set((asked.get(kind) ?? "").split(","))]);
  for (const [kind, keys] of wanted) {
    const found = pickers[kind].all.filter((record) => keys.has(record[pickers[kind].key]));
    await pick(kind, found);
    const unknown = [...keys].filter(Boolean).length - found.length;
    if (unknown > 0) {
      const note = Object.assign(document.createElement("p"), { textContent: `Not in this history: ${unknown} of the ${kind} in the address.` });
      document.getElementById(`picked-${kind}`).append(note);
    }
  }
  document.getElementById(picked.songs.length || !picked.artists.length ? "songs" : "artists").scrollIntoView();
}

function table(DataTable, kind) {
  const { all, key, name, columns } = pickers[kind];
  const box = (record) =>
    `<input type="checkbox" data-key="${escaped(record[key])}" aria-label="Show ${escaped(shortened(name(record)))}">`;
  const element = document.getElementById(`${kind}-table`);
  new DataTable(element, {
    data: all,
    columns: [{ title: "Show", data: null, orderable: false, searchable: false, render: shown(box, () => "") }, ...columns],
    order: [],
    pageLength: 10,
    lengthChange: false,
    autoWidth: false,
    language: { search: "Search", info: "_START_ to _END_ of _TOTAL_", infoFiltered: "of _MAX_ in all" },
    drawCallback: () => mark(kind),
  });
  element.addEventListener("change", (event) => {
    const record = all.find((one) => one[key] === event.target.dataset.key);
    const others = picked[kind].filter((one) => one !== record);
    pick(kind, event.target.checked ? [...others, record] : others);
  });
}

(async () => {
  const code = document.getElementById("tables-module").textContent;
  const { default: DataTable } = await import(`data:text/javascript;charset=utf-8,${encodeURIComponent(code)}`);
  new DataTable("#chart-table", {
    paging: false,
    info: false,
    order: [],
    autoWidth: false,
    columnDefs: [{ targets: -1, orderable: false, searchable: false }],
    language: { search: "Search" },
  });
  Object.keys(pickers).forEach((kind) => table(DataTable, kind));
  await pickFromAddress();
  window.addEventListener("hashchange", pickFromAddress);
  document.documentElement.dataset.ready = "yes";
})();
