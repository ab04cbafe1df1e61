/** Blanks and tables as an author types them: the answer stands in square brackets where the blank is. */

const BRACKET = /\[([^\][]+)\]/g;

/**
 * A text such as `Light splits [water|sugar] in the [thylakoid/grana].` as the settings of a cloze: `/` between answers
 * that are all right, `|` between options of a list whose first one is right.
 */
export function readGaps(text) {
  const blanks = {};
  let n = 0;
  const marked = text.replace(BRACKET, (_, inside) => {
    n += 1;
    blanks[`b${n}`] = readBlank(inside);
    return `{{b${n}}}`;
  });
  return { text: marked, blanks };
}

function readBlank(inside) {
  const options = parts(inside, "|");
  if (options.length > 1) return { kind: "choice", options: [...options].sort((a, b) => a.localeCompare(b)), answers: [options[0]] };
  return { kind: "text", answers: parts(inside, "/") };
}

/** The settings of a cloze as its author would type them. */
export function writeGaps({ text = "", blanks = {} }) {
  return text.replace(/\{\{([A-Za-z0-9_-]{1,40})\}\}/g, (_, id) => {
    const { kind, answers = [], options = [] } = blanks[id] ?? {};
    const inside = kind === "choice" ? [answers[0], ...options.filter((option) => option !== answers[0])].join("|") : answers.join("/");
    return `[${inside}]`;
  });
}

/** A table typed as lines with `|` between cells, headers first; `[answer]` is a cell to fill in. */
export function readTable(text) {
  const lines = text.split("\n").filter((line) => line.trim()).map((line) => line.split("|").map((cell) => cell.trim()));
  const headers = lines[0] ?? [];
  const columns = Math.max(0, ...lines.map((line) => line.length));
  const body = lines.slice(1);
  const cells = body.flatMap((line, rowIndex) => Array.from({ length: columns }, (_, colIndex) => readCell(line[colIndex] ?? "", rowIndex, colIndex)));
  return { rows: body.length, columns, headers: Array.from({ length: columns }, (_, i) => headers[i] ?? ""), cells };
}

function readCell(text, rowIndex, colIndex) {
  const gap = /^\[([^\][]+)\]$/.exec(text);
  if (!gap) return { rowIndex, colIndex, cellType: "locked", lockedValue: text };
  const [expectedAnswer, ...alternativeAnswers] = parts(gap[1], "/");
  return { rowIndex, colIndex, cellType: "editable", expectedAnswer, alternativeAnswers, marks: 1, acceptsEquivalentPhrasing: true };
}

export function writeTable({ rows = 0, columns = 0, headers = [], cells = [] }) {
  const at = new Map(cells.map((cell) => [`${cell.rowIndex}-${cell.colIndex}`, cell]));
  const written = (cell) => (cell?.cellType === "editable" ? `[${[cell.expectedAnswer, ...(cell.alternativeAnswers ?? [])].join("/")}]` : (cell?.lockedValue ?? ""));
  const body = Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => written(at.get(`${row}-${column}`))).join(" | "));
  return [headers.join(" | "), ...body].join("\n");
}

function parts(text, mark) {
  return [...new Set(text.split(mark).map((part) => part.trim()).filter(Boolean))];
}
