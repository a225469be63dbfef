
(function () {
  "use strict";
  const form = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const nothing = document.getElementById("nothing");
  const bodies = Array.from(document.querySelectorAll("tbody[data-section]"), (body) => ({
    body,
    rows: Array.from(body.querySelectorAll("tr[data-verdict]"), (row) => ({
      row,
      text: row.textContent.toLowerCase(),
      nodes: new Set(row.dataset.nodes.split(" ")),
    })),
  }));
  const all = bodies.reduce((sum, section) => sum + section.rows.length, 0);

  function filter() {
    const verdicts = new Set(Array.from(form.elements.verdict).filter((box) => box.checked).map((box) => box.value));
    const differs = form.elements.differs.checked;
    const section = form.elements.section.value;
    const node = form.elements.node.value;
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { body, rows } of bodies) {
      let visible = 0;
      const here = section === "" || body.dataset.section === section;
      for (const { row, text, nodes } of rows) {
        const match = here
          && verdicts.has(row.dataset.verdict)
          && (!differs || "differs" in row.dataset)
          && (node === "" || nodes.has(node))
          && words.every((word) => text.includes(word));
        row.hidden = !match;
        visible += match ? 1 : 0;
      }
      body.hidden = visible === 0;
      count += visible;
    }
    nothing.hidden = count > 0;
    shown.textContent = count === all ? `${all} findings` : `${count} of ${all} findings`;
  }

  function details() {
    return Array.from(document.querySelectorAll(".findings details"));
  }

  let closed = [];
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  // The form is reset after its event.
  form.addEventListener("reset", () => setTimeout(filter, 0));
  document.getElementById("open").addEventListener("click", () => details().forEach((it) => { it.open = true; }));
  document.getElementById("close").addEventListener("click", () => details().forEach((it) => { it.open = false; }));
  // On paper nothing can be opened.
  window.addEventListener("beforeprint", () => {
    closed = details().filter((it) => !it.open);
    closed.forEach((it) => { it.open = true; });
  });
  window.addEventListener("afterprint", () => closed.forEach((it) => { it.open = false; }));
  form.hidden = false;
  filter();
})();
