/** Which questions of a survey are asked, by the answers given so far: the rules of `activities/survey.py`. */

/**
 * @param {Object<string, {item: string, op: string, value: any}>} rules
 * @param {string} id
 * @param {Object<string, Object>} answers by question
 */
export function isAsked(rules, id, answers) {
  const rule = rules[id];
  if (!rule) return true;
  const given = answers[rule.item];
  const values = given && given.abstain !== true ? valuesIn(given) : [];
  if (rule.op === "answered") return values.length > 0;
  if (rule.op === "not_answered") return values.length === 0;
  if (rule.op === "ne") return !values.some((value) => compare("eq", value, rule.value));
  return values.some((value) => compare(rule.op, value, rule.value));
}

/** All single values in an answer. */
function valuesIn(node) {
  if (node === null || node === undefined) return [];
  return typeof node === "object" ? Object.values(node).flatMap(valuesIn) : [node];
}

function compare(op, value, wanted) {
  if (op === "contains") return typeof value === "string" && typeof wanted === "string" && value.toLocaleLowerCase().includes(wanted.toLocaleLowerCase());
  if (op === "eq") return value === wanted;
  if (typeof value !== "number" || typeof wanted !== "number") return false;
  return { lt: value < wanted, lte: value <= wanted, gt: value > wanted, gte: value >= wanted }[op] ?? false;
}
