/* Draws each chart of the home page from the table below it. */
"use strict";
{
  const language = document.documentElement.lang;
  const shortDay = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });
  const longDay = new Intl.DateTimeFormat(language, { day: "numeric", month: "long", weekday: "long", timeZone: "UTC" });
  const number = new Intl.NumberFormat(language);
  const short = new Intl.NumberFormat(language, { notation: "compact" });
  const HEIGHT = 240;
  const WHOLE_STEPS = [...Array(9).keys()].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

  /* The columns of a table, the oldest day first: seconds, then the numbers of each series. */
  function columns(table) {
    const rows = [...table.tBodies[0].rows].reverse();
    const days = rows.map((row) => Date.parse(row.querySelector("time").dateTime) / 1000);
    const numbers = rows.map((row) => [...row.querySelectorAll("data")].map((cell) => Number(cell.value)));
    return [days, ...numbers[0].map((_, series) => numbers.map((row) => row[series]))];
  }

  /* Today is not over: the way to it is dashed, as a series of its own. */
  function withToday([days, ...series]) {
    const last = days.length - 1;
    const finished = series.map((one) => one.map((value, day) => (day === last ? null : value)));
    const today = series.map((one) => one.map((value, day) => (day < last - 1 ? null : value)));
    return [days, ...finished, ...today];
  }

  function tip(plot, names) {
    const box = document.createElement("div");
    box.className = "tip";
    box.hidden = true;
    plot.append(box);
    return (chart, table) => {
      const day = chart.cursor.idx;
      box.hidden = day == null || chart.cursor.left < 0;
      if (box.hidden) return;
      const title = document.createElement("strong");
      title.textContent = longDay.format(table[0][day] * 1000);
      const lines = names.map((name, series) => {
        const line = document.createElement("div");
        line.textContent = `${name}: ${number.format(table[series + 1][day])}`;
        return line;
      });
      box.replaceChildren(title, ...lines);
      const at = chart.over.offsetLeft + chart.valToPos(table[0][day], "x");
      const left = at + 12 + box.offsetWidth > plot.clientWidth ? at - 12 - box.offsetWidth : at + 12;
      box.style.left = `${Math.max(0, left)}px`;
    };
  }

  function draw(plot, table, showTip) {
    const style = getComputedStyle(plot);
    const color = (name) => style.getPropertyValue(name).trim();
    const colors = [color("--first"), color("--second")];
    const font = `12px ${style.fontFamily}`;
    const axis = { stroke: color("--body-quiet-color"), font, ticks: { show: false } };
    const line = (stroke, more) => ({ stroke, width: 2, points: { show: false }, ...more });
    return new uPlot(
      {
        width: plot.clientWidth,
        height: HEIGHT,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
        legend: { show: false },
        padding: [8, 32, 0, 0], // half of the last day's name
        cursor: {
          y: false,
          drag: { x: false, y: false },
          move: (chart, left, top) => [left < 0 ? left : chart.valToPos(table[0][chart.posToIdx(left)], "x"), top],
        },
        scales: { y: { range: (_, __, highest) => [0, Math.max(4, highest * 1.08)] } },
        axes: [
          {
            ...axis,
            grid: { show: false },
            space: 64,
            size: 28,
            gap: 8,
            incrs: [1, 2, 5, 7, 10].map((days) => days * 86400),
            values: (_, seconds) => seconds.map((one) => shortDay.format(one * 1000)),
          },
          {
            ...axis,
            grid: { stroke: color("--hairline-color"), width: 1 },
            incrs: WHOLE_STEPS,
            size: (_, shown) => 14 + 7 * Math.max(3, ...(shown ?? []).map((one) => one.length)),
            values: (_, values) => values.map((one) => short.format(one)),
          },
        ],
        series: [
          {},
          line(colors[0], { fill: `${colors[0]}1f` }),
          line(colors[1]),
          line(colors[0], { dash: [4, 4] }),
          line(colors[1], { dash: [4, 4] }),
        ],
        hooks: { setCursor: [(chart) => showTip(chart, table)] },
      },
      withToday(table),
      plot,
    );
  }

  for (const section of document.querySelectorAll(".home .chart:has(.plot)")) {
    const plot = section.querySelector(".plot");
    const names = [...section.querySelectorAll(".legend li")].map((one) => one.textContent);
    const table = columns(section.querySelector("table"));
    const showTip = tip(plot, names);
    let chart = draw(plot, table, showTip);
    const again = () => {
      chart.destroy();
      chart = draw(plot, table, showTip);
    };
    new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    new ResizeObserver(() => chart.setSize({ width: plot.clientWidth, height: HEIGHT })).observe(plot);
  }
}
